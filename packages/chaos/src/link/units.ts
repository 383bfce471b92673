/** How the units of a byte stream are told apart. A head is what a unit begins with. */
export interface UnitFormat {
  /**
   * Bytes of the head, as far as those that are there tell.
   * @param isNamed whether the unit is to be named: then more of it may be needed.
   */
  headBytes(head: Uint8Array, isNamed: boolean): number;
  /** Bytes of the whole unit. */
  lengthOf(head: Uint8Array): number;
  nameOf(head: Uint8Array): string;
}

/** What is looked for in a stream, to cut it there. */
export interface Sought {
  /** Its name; none: whatever comes next. */
  readonly unit: string | undefined;
  /** How much of it passes, from 0 to 1; at least a byte, and not all of it. */
  readonly part: number;
}

/** A stream that is searched for a place to cut. */
export interface Units {
  /** Look in units that begin from now on; `undefined`: no more. */
  seek(sought: Sought | undefined): void;
  /**
   * The next bytes.
   * @returns how many of them come before the cut; `undefined` if it is not among them.
   */
  push(bytes: Uint8Array): number | undefined;
  /** The name of the unit that was found. */
  readonly found: string | undefined;
}

/** One unit behind the other. */
export class UnitStream implements Units {
  readonly #formatOf: (unit: number) => UnitFormat;
  #format: UnitFormat;
  #units = 0;
  #head: Uint8Array = new Uint8Array(0);
  /** Bytes of the present unit; `undefined` until its head is complete. */
  #length: number | undefined;
  #passed = 0;
  #sought: Sought | undefined;
  /** Where to cut, counted from the beginning of the present unit. */
  #cutAt: number | undefined;
  #found: string | undefined;

  /** @param formatOf the format of each unit, counted from 0. */
  constructor(formatOf: (unit: number) => UnitFormat) {
    this.#formatOf = formatOf;
    this.#format = formatOf(0);
  }

  get found(): string | undefined {
    return this.#found;
  }

  /** Number of units that have passed. */
  get count(): number {
    return this.#units;
  }

  seek(sought: Sought | undefined): void {
    this.#sought = sought;
    this.#cutAt = undefined;
    this.#found = undefined;
  }

  push(bytes: Uint8Array): number | undefined {
    let at = 0;
    while (at < bytes.length) {
      if (this.#length === undefined) {
        at += this.#completeHead(bytes.subarray(at));
        if (this.#length === undefined) continue;
      }
      const start = at - this.#passed;
      if (this.#cutAt !== undefined && start + this.#cutAt <= bytes.length) {
        return Math.max(0, start + this.#cutAt);
      }
      const taken = Math.min(this.#length - this.#passed, bytes.length - at);
      at += taken;
      this.#passed += taken;
      if (this.#passed === this.#length) this.#next();
    }
    return undefined;
  }

  /** @returns how many bytes it took. */
  #completeHead(bytes: Uint8Array): number {
    const isNamed = this.#sought !== undefined;
    const missing = this.#format.headBytes(this.#head, isNamed) - this.#head.length;
    const taken = Math.min(Math.max(0, missing), bytes.length);
    if (taken > 0) this.#head = Buffer.concat([this.#head, bytes.subarray(0, taken)]);
    this.#passed += taken;
    if (this.#format.headBytes(this.#head, isNamed) > this.#head.length) return taken;
    const length = this.#format.lengthOf(this.#head);
    this.#length = length;
    if (this.#sought !== undefined) this.#look(this.#sought, length);
    return taken;
  }

  #look({ unit, part }: Sought, length: number): void {
    const name = this.#format.nameOf(this.#head);
    if (length < 2 || (unit !== undefined && unit !== name)) return;
    this.#cutAt = Math.min(1 + Math.floor(part * (length - 1)), length - 1);
    this.#found = name;
  }

  #next(): void {
    this.#units++;
    this.#format = this.#formatOf(this.#units);
    this.#head = new Uint8Array(0);
    this.#length = undefined;
    this.#passed = 0;
  }
}
