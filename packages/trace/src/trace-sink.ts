import type { EncodingName } from '@vfio-user/core';
import type { TracedMessage } from './decode/traced-message.js';

/** The beginning of a session. */
export interface SessionBegin {
  readonly session: number;
  /** Microseconds since 1970. */
  readonly timeUs: number;
  readonly encoding: EncodingName;
  /** Who the client is; absent for a capture, which does not record it. */
  readonly peer?: string;
}

/** A session goes on over another connection. */
export interface SessionContinuation {
  readonly session: number;
  /** Microseconds since 1970. */
  readonly timeUs: number;
  /** Who the client is; absent for a capture, which does not record it. */
  readonly peer?: string;
}

/** The end of a session. */
export interface SessionEnd {
  readonly session: number;
  /** Microseconds since 1970. */
  readonly timeUs: number;
  /** Absent when one side left in order. */
  readonly reason?: string | undefined;
  /** Only the connection has ended: the session may go on over another one. */
  readonly mayGoOn?: boolean;
}

/** Gets what is traced: a printer, statistics, a capture, or your own. Must not throw. */
export interface TraceSink {
  onBegin?(begin: SessionBegin): void;
  /** The client is back after a lost connection. */
  onContinued?(continuation: SessionContinuation): void;
  /** @param traced valid until this returns. */
  onMessage(traced: TracedMessage): void;
  onEnd?(end: SessionEnd): void;
}
