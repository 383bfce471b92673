import type { NvmeDriver } from './driver.js';
import { READ, WRITE } from './entries.js';

const NAMESPACE_ID = 1;
const SECTOR_BYTES = 512;
const BLOCK_BYTES = 4096;
const BLOCK_SECTORS = BLOCK_BYTES / SECTOR_BYTES;

/** 4 KiB reads of random blocks, `depth` at a time. */
export class RandomReads {
  readonly #driver: NvmeDriver;
  readonly #blocks: number;
  readonly #startedAt: Float64Array;
  #random = 0x9e37_79b9;

  constructor(driver: NvmeDriver, namespaceBytes: number, depth: number) {
    this.#driver = driver;
    this.#blocks = namespaceBytes / BLOCK_BYTES;
    this.#startedAt = new Float64Array(depth);
  }

  /** @returns nanoseconds from submission to completion, `count` of them, after `warmup` others. */
  async run(warmup: number, count: number): Promise<Float64Array> {
    const { io, wait } = this.#driver;
    const depth = this.#startedAt.length;
    const nanoseconds = new Float64Array(count);
    for (let id = 0; id < depth; id++) this.#submit(id);
    io.ring();
    let started = depth;
    let ended = 0;
    while (ended < warmup + count) {
      let taken = 0;
      let placed = 0;
      for (let id = io.take(); id >= 0; id = io.take()) {
        const index = ended++ - warmup;
        taken++;
        if (index >= 0) {
          nanoseconds[index] = (performance.now() - (this.#startedAt[id] as number)) * 1e6;
        }
        if (started === warmup + count) continue;
        started++;
        placed++;
        this.#submit(id);
      }
      if (placed > 0) io.ring();
      if (taken > 0) io.acknowledge();
      else if (wait !== undefined) await wait();
    }
    return nanoseconds;
  }

  #submit(id: number): void {
    this.#startedAt[id] = performance.now();
    this.#driver.io.place(transfer(this.#driver, READ, id, this.#nextBlock()));
  }

  #nextBlock(): number {
    let random = this.#random;
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    this.#random = random;
    return (random >>> 0) % this.#blocks;
  }
}

/** Write every block once: memory that was never written need not be read. */
export async function fill(driver: NvmeDriver, namespaceBytes: number): Promise<void> {
  const { io, wait } = driver;
  for (let block = 0; block < namespaceBytes / BLOCK_BYTES; block++) {
    io.place(transfer(driver, WRITE, 0, block));
    io.ring();
    while (io.take() < 0) {
      if (wait !== undefined) await wait();
    }
    io.acknowledge();
  }
}

function transfer(driver: NvmeDriver, opcode: number, id: number, block: number) {
  return {
    opcode,
    id,
    namespaceId: NAMESPACE_ID,
    prp1: driver.bufferAddress(id),
    prp2: 0,
    dword10: block * BLOCK_SECTORS,
    dword11: 0,
    dword12: BLOCK_SECTORS - 1,
  };
}
