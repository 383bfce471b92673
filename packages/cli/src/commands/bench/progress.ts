import type { Io } from '../../io.js';

/** Milliseconds between updates: more often would flicker, and load the machine that is measured. */
const INTERVAL_MS = 200;
const CLEAR_LINE = '\r\u001b[K';

/** One line on a terminal that says how far a run is. Nothing anywhere else. */
export class Progress {
  readonly #io: Io;
  readonly #enabled: boolean;
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(io: Io, enabled: boolean) {
    this.#io = io;
    this.#enabled = enabled;
  }

  /** `share` of the run is done. */
  show(share: number, what: string): void {
    if (!this.#enabled || performance.now() - this.#shownAt < INTERVAL_MS) return;
    this.#shownAt = performance.now();
    const percent = String(Math.round(share * 100)).padStart(3);
    this.#io.stderr(`${CLEAR_LINE}${percent} %  ${what}`);
  }

  clear(): void {
    if (this.#enabled) this.#io.stderr(CLEAR_LINE);
  }
}
