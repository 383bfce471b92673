import type { WorkDone } from './contender.js';

/** Below this, starting the work would count as well, ms. */
const SHORTEST = 2;

/** Chooses how many operations a device is given at once, by how long earlier ones took. */
export class Calibration {
  #perMillisecond: number | undefined;
  readonly #first: number;
  readonly #multiple: number;

  /** `first`: how much to try at the very beginning; always a multiple of `multiple`. */
  constructor(first: number, multiple = 1) {
    this.#first = first;
    this.#multiple = multiple;
  }

  /** Do operations for about `milliseconds`; `run` returns how long they took, ms. */
  async run(milliseconds: number, run: (operations: number) => Promise<number>): Promise<WorkDone> {
    this.#perMillisecond ??= await this.#explore(run);
    const operations = this.#whole(this.#perMillisecond * milliseconds);
    const took = await run(operations);
    this.#perMillisecond = operations / Math.max(took, Number.EPSILON);
    return { operations, milliseconds: took };
  }

  async #explore(run: (operations: number) => Promise<number>): Promise<number> {
    for (let operations = this.#whole(this.#first); ; operations *= 4) {
      const took = await run(operations);
      if (took >= SHORTEST) return operations / took;
    }
  }

  #whole(operations: number): number {
    const multiple = this.#multiple;
    return Math.max(multiple, Math.round(operations / multiple) * multiple);
  }
}
