import { readFileSync } from 'node:fs';

/** The kernel's default for vm.max_map_count, where it cannot be read. */
const DEFAULT_MOST = 65_530;
/** Part of the areas that is left to the rest of the process: code, heaps, threads' stacks. */
const RESERVED_PART = 1 / 16;
const NEWLINE = 10;
/** The kernel's list is long where it matters: it is not read for each mapping that is refused. */
const LOOK_EVERY = 1024;

/** How many areas this process may have, and has, as the kernel counts them. */
interface AreaCount {
  readonly most: number;
  readonly used: number;
}

/**
 * The areas of this process's address space ("vm.max_map_count"), of which a mapping takes one. A
 * process without any left cannot even allocate memory, nor take a mapping back. Counted is what
 * the mappings of all devices hold at worst: areas of neighbours in a file that the kernel has
 * joined come apart again when every second mapping goes.
 */
export class VirtualMemoryAreas {
  readonly #look: () => AreaCount;
  #left: number | undefined;
  #held = 0;
  #refused = 0;

  constructor(look: () => AreaCount) {
    this.#look = look;
  }

  /** How many more mappings this process can hold. */
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

  /** What is counted here, or what the kernel has with everything held come apart: both hold. */
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
