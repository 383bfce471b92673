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
 * The virtual memory areas of this process (vm.max_map_count), of which a mapping takes one. A
 * process without any left can neither allocate memory nor unmap it. Mappings are counted at their
 * worst case: adjacent areas that the kernel has merged split again when every second mapping is
 * removed.
 */
export class VirtualMemoryAreas {
  readonly #look: () => AreaCount;
  #left: number | undefined;
  #held = 0;
  #refused = 0;

  constructor(look: () => AreaCount) {
    this.#look = look;
  }

  /** Number of mappings that this process can still hold. */
  get left(): number {
    const isCheap = this.#held < LOOK_EVERY;
    return Math.max(0, isCheap ? this.#count() : (this.#left ?? this.#count()));
  }

  get isUsedUp(): boolean {
    let left = this.#left ?? this.#count();
    if (left <= 0 && this.#refused++ % LOOK_EVERY === 0) left = this.#count();
    return left <= 0;
  }

  /** @returns whether there was one. */
  take(): boolean {
    if (this.isUsedUp) return false;
    this.#left = (this.#left as number) - 1;
    this.#held++;
    return true;
  }

  giveBack(): void {
    this.#held--;
    if (this.#left !== undefined) this.#left++;
  }

  /** The larger of our own count, and the kernel's with all merged areas split. */
  #count(): number {
    const { most, used } = this.#look();
    const free = most - Math.ceil(most * RESERVED_PART) - used - this.#held;
    this.#left = Math.max(this.#left ?? free, free);
    return this.#left;
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
