/** Most messages until the next attempt, where attempts fail. */
const LONGEST_PAUSE = 1023;

/**
 * Whether to look for the next message as soon as one was handled. Where the peer shares the
 * processor, it often runs as soon as it has its answer, and its next message is there before the
 * event loop would get its turn. Elsewhere the attempt is in vain: it is made ever more rarely.
 */
export class FollowUp {
  /** Messages that the last failure lets pass, and those of them that are left. */
  #pause = 0;
  #left = 0;

  /** A message was handled. Returns whether to look for the next one at once. */
  handled(): boolean {
    if (this.#left === 0) return true;
    this.#left--;
    return false;
  }

  /** There was one, or not. */
  attempted(found: boolean): void {
    this.#pause = found ? 0 : Math.min(2 * this.#pause + 1, LONGEST_PAUSE);
    this.#left = this.#pause;
  }
}
