import type { Outlet, Pressure } from './outlet.js';

/** What can be held up. */
export interface Holdable {
  hold(): void;
  release(): void;
}

/** Holds a source up while any outlet is full. */
export class Gate implements Pressure {
  readonly #full = new Set<Outlet>();
  #source: Holdable | undefined;

  /** Everything that comes from `source` goes to the outlets. */
  attach(source: Holdable): void {
    this.#source = source;
    if (this.#full.size > 0) source.hold();
  }

  stop(outlet: Outlet): void {
    this.#full.add(outlet);
    this.#source?.hold();
  }

  go(outlet: Outlet): void {
    this.#full.delete(outlet);
    if (this.#full.size === 0) this.#source?.release();
  }
}
