import { readFileSync } from 'node:fs';

/** Default of vm.max_map_count, if it cannot be read. */
const DEFAULT_MOST = 65_530;
/** Part of the areas that is left to the rest of the process: code, heaps, stacks of threads. */
const RESERVED_PART = 1 / 16;
const NEWLINE = 10;
/** The kernel's list is long when areas run out: do not read it for each refused mapping. */
const LOOK_EVERY = 1024;

/** Limit and number of areas of this process, as the kernel counts them. */
interface AreaCount {
  readonly most: number;
  readonly used: number;
}

/**
 * The virtual memory areas of this process (vm.max_map_count). A process without any left can
 * neither allocate memory nor unmap it, so what counts is how many areas the mapped ranges may
 * still come to need. The kernel joins adjacent ranges of a file to a run of one area, and splits
 * it again when one of them goes. Where that one was not viewed, a hole is left, so that of a run
 * at worst every second range remains as an area; a viewed one is replaced by other memory, which
 * is an area as well.
 */
export class VirtualMemoryAreas {
  readonly #look: () => AreaCount;
  /** What the limit leaves to the ranges. */
  #budget: number | undefined;
  #takenSinceLook = 0;
  #lookAfter = LOOK_EVERY;
  #refused = 0;
  #runs = 0;
  #unviewed = 0;
  #viewed = 0;
  #replaced = 0;

  constructor(look: () => AreaCount) {
    this.#look = look;
  }

  /** Number of ranges without neighbours that this process can still map. */
  get left(): number {
    const budget = this.#budget ?? this.#count();
    return Math.max(0, Math.floor(budget - this.#worst()));
  }

  get isUsedUp(): boolean {
    if (this.left > 0) return false;
    if (this.#refused++ % LOOK_EVERY === 0) this.#count();
    return this.left <= 0;
  }

  /** For a range to be mapped. @returns whether there was one. */
  take(): boolean {
    if (this.#takenSinceLook++ >= this.#lookAfter) this.#count();
    if (this.isUsedUp) return false;
    this.#unviewed++;
    this.#runs++;
    return true;
  }

  /** The range that was taken for has become part of the runs of so many neighbours. */
  join(neighbours: number): void {
    this.#runs -= neighbours;
  }

  /** Its memory is about to be viewed. @returns `false` where it must not be. */
  view(): boolean {
    this.#unviewed--;
    this.#viewed++;
    if (this.#worst() <= (this.#budget ?? this.#count())) return true;
    this.#viewed--;
    this.#unviewed++;
    return false;
  }

  /** A viewed range between so many neighbours was replaced. */
  replace(neighbours: number): void {
    this.#viewed--;
    this.#replaced++;
    this.#runs += neighbours - 1;
  }

  /** A range between so many neighbours is unmapped. */
  giveBack(neighbours = 0, wasViewed = false): void {
    if (wasViewed) this.#viewed--;
    else this.#unviewed--;
    this.#runs += neighbours - 1;
  }

  /** What replaced a range is unmapped. */
  giveBackReplaced(): void {
    this.#replaced--;
  }

  /** Most areas that the ranges can need before there are more of them. */
  #worst(): number {
    const runs = (this.#unviewed + this.#runs + 3 * this.#viewed) / 2;
    return Math.min(this.#unviewed + this.#viewed, runs) + this.#replaced;
  }

  #count(): number {
    const { most, used } = this.#look();
    this.#takenSinceLook = 0;
    this.#lookAfter = Math.max(LOOK_EVERY, used);
    const others = Math.max(0, used - this.#runs - this.#replaced);
    this.#budget = most - Math.ceil(most * RESERVED_PART) - others;
    return this.#budget;
  }
}

export const memoryAreas = new VirtualMemoryAreas(() => ({
  most: readNumber('/proc/sys/vm/max_map_count') ?? DEFAULT_MOST,
  used: countLines('/proc/self/maps'),
}));

function readNumber(path: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(path, 'latin1'), 10) || undefined;
  } catch {
    return undefined;
  }
}

function countLines(path: string): number {
  let lines = 0;
  const text = readFileSync(path);
  for (let at = text.indexOf(NEWLINE); at >= 0; at = text.indexOf(NEWLINE, at + 1)) lines++;
  return lines;
}
