import type { Preface } from '@vfio-user/core/internal';
import { otherSide, type RelaySide } from '../packet.js';

/** Counts the frames of a session, to recognise those that are sent again over another connection. */
export class FrameCounts {
  /** Number of frames of each side that have passed. */
  readonly #passed = { client: 0, server: 0 };
  /** Number of the next one of each side. */
  readonly #next = { client: 0, server: 0 };

  /** The session goes on: the other side begins with the first frame that `sender` has not handled. */
  onPreface(sender: RelaySide, { handled = 0 }: Preface): void {
    const from = otherSide(sender);
    this.#next[from] = handled;
    this.#passed[from] = Math.max(this.#passed[from], handled);
  }

  /** @returns whether this frame has passed before. */
  onFrame(sender: RelaySide): boolean {
    this.#next[sender] += 1;
    if (this.#next[sender] <= this.#passed[sender]) return true;
    this.#passed[sender] = this.#next[sender];
    return false;
  }
}
