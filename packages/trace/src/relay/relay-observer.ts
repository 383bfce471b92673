import type { EncodingName, Frame } from '@vfio-user/core';
import type { RelaySide } from '../packet.js';

/** A client that came. */
export interface RelayArrival {
  /** Who it is, as its transport tells. */
  readonly peer: string;
  readonly encoding: EncodingName;
}

/** Sees a session go by. Must not throw: the session does not know that it is watched. */
export interface RelayObserver {
  /**
   * What `sender` says before its first message; only the portable encoding has that. Valid until
   * this returns.
   */
  onPreface?(sender: RelaySide, preface: Uint8Array): void;
  /**
   * A whole message of `sender`, just before it is passed on. Valid until this returns; its
   * descriptors can be looked at, but belong to the message.
   */
  onFrame(sender: RelaySide, frame: Frame): void;
  /** Called exactly once, when both connections have ended. `error`: why, unless one side left. */
  onEnd(error?: Error): void;
}
