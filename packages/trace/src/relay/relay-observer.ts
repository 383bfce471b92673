import type { Frame } from '@vfio-user/core';

/** The two ends of a session that is passed through. */
export type RelaySide = 'client' | 'server';

/** Sees a session go by. Must not throw: the session does not know that it is watched. */
export interface RelayObserver {
  /**
   * A whole message of `sender`, just before it is passed on. Valid until this returns; its
   * descriptors can be looked at, but belong to the message.
   */
  onFrame(sender: RelaySide, frame: Frame): void;
  /** Called exactly once, when both connections have ended. `error`: why, unless one side left. */
  onEnd(error?: Error): void;
}
