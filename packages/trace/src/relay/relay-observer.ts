import type { EncodingName, Frame } from '@vfio-user/core';
import type { RelaySide } from '../packet.js';

/** A client that has connected. */
export interface RelayClient {
  /** Its name, as given by its transport. */
  readonly peer: string;
  readonly encoding: EncodingName;
}

/** Watches a session that is relayed. Must not throw. */
export interface RelayObserver {
  /**
   * The preface of `sender`, which the portable encoding has before the first message. Valid until
   * this returns.
   */
  onPreface?(sender: RelaySide, preface: Uint8Array): void;
  /**
   * A whole message of `sender`, just before it is passed on. Valid until this returns; its
   * descriptors may be looked at, not closed.
   */
  onFrame(sender: RelaySide, frame: Frame): void;
  /** Called exactly once, when both connections have ended. `error` is absent when one side left in order. */
  onEnd(error?: Error): void;
}
