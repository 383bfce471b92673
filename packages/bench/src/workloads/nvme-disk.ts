import { NVME_IO_OPCODE } from '@vfio-user/devices';
import type { NvmeDriver } from '@vfio-user/drivers';
import type { WorkDone } from '../engine/contender.js';
import { type Histogram, recordMilliseconds } from '../statistics.js';
import { BLOCK_BYTES, type NvmeBlocks } from './nvme-blocks.js';

/** Which transfers, how many at a time, and until when. */
export interface Transfers {
  readonly direction: 'read' | 'write';
  readonly depth: number;
  /** The next block, -1 for the end. */
  next(): number;
  /** How long a transfer took, ms. */
  ended?(milliseconds: number): void;
  /** Each block that is read is compared as a whole, not just at its ends. */
  readonly thorough?: boolean;
}

/** Commands under way while a disk is filled. */
export const FILL_DEPTH = 32;

/** A disk, and what it contains where that is to be checked. */
export class Disk {
  readonly #driver: NvmeDriver;
  readonly #content: NvmeBlocks | undefined;

  constructor(driver: NvmeDriver, content?: NvmeBlocks) {
    this.#driver = driver;
    this.#content = content;
  }

  /** Keep `depth` commands under way until there is no next block and all have ended. */
  async transfer({ direction, depth, next, ended, thorough }: Transfers): Promise<void> {
    const { io } = this.#driver;
    const startedAt = new Float64Array(depth);
    const blocks = new Int32Array(depth);
    let underWay = 0;
    let hasMore = true;
    const submit = (id: number): void => {
      const block = hasMore ? this.#unused(next(), direction, blocks) : -1;
      blocks[id] = block;
      hasMore = block >= 0;
      if (!hasMore) return;
      if (direction === 'write') this.#content?.write(block, this.#driver.buffer(id));
      startedAt[id] = performance.now();
      this.#place(direction, id, block);
      underWay++;
    };

    blocks.fill(-1);
    for (let id = 0; id < depth && hasMore; id++) submit(id);
    io.ring();
    while (underWay > 0) {
      const before = underWay;
      let taken = 0;
      for (let id = io.take(); id >= 0; id = io.take()) {
        ended?.(performance.now() - (startedAt[id] as number)); // an id of ours
        if (direction === 'read') this.#check(blocks[id] as number, id, thorough);
        underWay--;
        taken++;
        submit(id);
      }
      if (underWay + taken > before) io.ring();
      if (taken > 0) io.acknowledge();
      else if (!this.#driver.isPolled) await this.#driver.wait();
    }
  }

  /** Two writes of one block under way at once could end in any order: take another one. */
  #unused(block: number, direction: Transfers['direction'], underWay: Int32Array): number {
    if (block < 0 || direction === 'read' || this.#content === undefined) return block;
    let free = block;
    while (underWay.includes(free)) free = (free + 1) % this.#content.count;
    return free;
  }

  #check(block: number, id: number, thorough = false): void {
    if (this.#content === undefined) return;
    const page = this.#driver.buffer(id);
    if (thorough) this.#content.check(block, page);
    else this.#content.checkEnds(block, page);
  }

  #place(direction: Transfers['direction'], id: number, block: number): void {
    const { id: namespaceId, blockBytes } = this.#driver.namespace;
    const logicalBlocks = BLOCK_BYTES / blockBytes;
    this.#driver.io.place({
      opcode: direction === 'read' ? NVME_IO_OPCODE.READ : NVME_IO_OPCODE.WRITE,
      id,
      namespaceId,
      prp1: this.#driver.bufferAddress(id),
      dword10: block * logicalBlocks,
      dword12: logicalBlocks - 1,
    });
  }
}

/** Random numbers below `count`, the same ones each time. */
export function randomBlocks(count: number): () => number {
  let random = 0x9e37_79b9;
  return () => {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return (random >>> 0) % count;
  };
}

/** Random transfers for about `milliseconds`. */
export async function transferFor(
  milliseconds: number,
  latencies: Histogram,
  disk: Disk,
  how: Omit<Transfers, 'ended'>,
): Promise<WorkDone> {
  let operations = 0;
  const startedAt = performance.now();
  const end = startedAt + milliseconds;
  await disk.transfer({
    ...how,
    next: () => (performance.now() < end || operations === 0 ? how.next() : -1),
    ended(took) {
      operations++;
      recordMilliseconds(latencies, took);
    },
  });
  return { operations, milliseconds: performance.now() - startedAt };
}
