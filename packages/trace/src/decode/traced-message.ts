import type { LinkFrame, Message, Preface } from '@vfio-user/core/internal';
import type { Packet } from '../packet.js';
import type { RegisterName } from './device-view.js';

/** An access to a region, of a request or of the request that a reply answers. */
export interface TracedAccess {
  readonly isWrite: boolean;
  readonly region: number;
  readonly offset: number;
  readonly count: number;
  readonly register: RegisterName;
  /** Borrowed from the packet. Absent where the message carries none. */
  readonly data?: Uint8Array | undefined;
}

/** What is kept of a request until its reply comes. */
export interface TracedRequest {
  readonly command: number;
  readonly timeUs: number;
  /** Bytes on the wire. */
  readonly length: number;
  /** Without data. */
  readonly accesses: readonly TracedAccess[];
}

/** A packet and what it says. Valid as long as the packet. */
export interface TracedMessage {
  readonly packet: Packet;
  /** `undefined` for a preface, and for a frame that concerns its connection only. */
  readonly message: Message | undefined;
  /** What a preface says, without the session id, or in words why it says nothing. */
  readonly preface?: Preface | string | undefined;
  /** What a frame says that concerns its connection only. */
  readonly linkFrame?: LinkFrame | undefined;
  /** Has passed before, over an earlier connection of the session. */
  readonly isSentAgain?: boolean | undefined;
  readonly accesses: readonly TracedAccess[];
  /** What a reply answers, where the trace has seen it. */
  readonly request?: TracedRequest | undefined;
  /** From the request to this reply. */
  readonly latencyUs?: number | undefined;
}
