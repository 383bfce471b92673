/** After the last activity: how long to poll in every turn of the event loop, milliseconds. */
const HOT_MS = 20;
/** How long to poll with the short pause, milliseconds. */
const WARM_MS = 1000;
/** Pauses, milliseconds: what waking up costs in delay, against what waiting costs in processor time. */
const SHORT_PAUSE_MS = 1;
const LONG_PAUSE_MS = 10;

/**
 * Decides when the next turn is. Work makes it the next turn of the event loop, so that messages
 * are answered in between; polling slows down the longer nothing happens.
 */
export class Pacemaker {
  readonly #run: () => void;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastActivityMs = 0;

  constructor(run: () => void) {
    this.#run = run;
  }

  /** There is something to do. */
  soon(): void {
    if (this.#immediate !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#immediate = setImmediate(this.#fire);
  }

  /** Look again, sooner or later. */
  poll(wasActive: boolean): void {
    const now = performance.now();
    if (wasActive) this.#lastActivityMs = now;
    const idleMs = now - this.#lastActivityMs;
    if (idleMs < HOT_MS) this.soon();
    else if (this.#immediate === undefined && this.#timer === undefined) {
      const pause = idleMs < WARM_MS ? SHORT_PAUSE_MS : LONG_PAUSE_MS;
      // Polling alone does not keep the process alive.
      this.#timer = setTimeout(this.#fire, pause).unref();
    }
  }

  stop(): void {
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
    this.#immediate = undefined;
    this.#timer = undefined;
  }

  readonly #fire = (): void => {
    this.#immediate = undefined;
    this.#timer = undefined;
    this.#run();
  };
}
