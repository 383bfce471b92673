import type { DeviceClient } from '@vfio-user/core';
import { NVME_IO_OPCODE } from '@vfio-user/devices';
import { NvmeDriver } from '@vfio-user/drivers';
import type { Random } from '../random.js';
import { BlockModel } from './block-model.js';
import type { Tally } from './tally.js';
import type { Workload } from './workload.js';

/** Bytes of the namespace: `--set size`. */
export const DISK_BYTES = 4 * 2 ** 20;

const BLOCKS = DISK_BYTES / NvmeDriver.BLOCK_BYTES;
const MOST_COMMANDS = 64;
/** Commands under way at most; each has a buffer. */
const DEPTH = 16;
/** Command identifiers are used in turn, so that a late completion is nobody else's. */
const IDENTIFIERS = 0x1_0000;

interface Command {
  readonly block: number;
  readonly isWrite: boolean;
  readonly buffer: number;
}

/** Reads and writes of a disk: each completes once, and content is what was written last. */
export class NvmeBlocks implements Workload {
  readonly #driver: NvmeDriver;
  readonly #tally: Tally;
  readonly #random: Random;
  readonly #model: BlockModel;
  readonly #underWay = new Map<number, Command>();
  readonly #busyBlocks = new Set<number>();
  readonly #buffers = Array.from({ length: DEPTH }, (_, buffer) => buffer);
  #nextId = 0;

  private constructor(driver: NvmeDriver, tally: Tally, random: Random) {
    this.#driver = driver;
    this.#tally = tally;
    this.#random = random;
    this.#model = new BlockModel(random.seed(), NvmeDriver.BLOCK_BYTES);
  }

  static async open(client: DeviceClient, tally: Tally, random: Random): Promise<NvmeBlocks> {
    return new NvmeBlocks(await NvmeDriver.open(client), tally, random);
  }

  async round(): Promise<void> {
    let left = this.#random.between(1, MOST_COMMANDS);
    while (left > 0 || this.#underWay.size > 0) {
      const placed = Math.min(left, this.#buffers.length);
      for (let i = 0; i < placed; i++) this.#place();
      if (placed > 0) this.#driver.io.ring();
      left -= placed;
      if (!this.#take()) await this.#driver.wait();
    }
  }

  async close(): Promise<void> {
    await this.#driver.close();
  }

  #place(): void {
    const buffer = this.#buffers.pop() as number; // the caller has looked
    const block = this.#freeBlock();
    const isWrite = this.#random.between(0, 1) === 0;
    const memory = this.#driver.buffer(buffer);
    if (isWrite) memory.set(this.#model.write(block));
    else memory.fill(0xa5);
    const id = this.#nextId;
    this.#nextId = (id + 1) % IDENTIFIERS;
    this.#underWay.set(id, { block, isWrite, buffer });
    this.#busyBlocks.add(block);
    const logicalBlocks = NvmeDriver.BLOCK_BYTES / this.#driver.namespace.blockBytes;
    this.#driver.io.place({
      opcode: isWrite ? NVME_IO_OPCODE.WRITE : NVME_IO_OPCODE.READ,
      id,
      namespaceId: this.#driver.namespace.id,
      prp1: this.#driver.bufferAddress(buffer),
      dword10: block * logicalBlocks,
      dword12: logicalBlocks - 1,
    });
  }

  /** One that no command under way concerns: their order is not defined. */
  #freeBlock(): number {
    for (;;) {
      const block = this.#random.between(0, BLOCKS - 1);
      if (!this.#busyBlocks.has(block)) return block;
    }
  }

  /** @returns whether a command has ended. */
  #take(): boolean {
    const { io } = this.#driver;
    let taken = 0;
    for (let id = io.take(); id >= 0; id = io.take()) {
      taken++;
      this.#end(id);
    }
    if (taken > 0) io.acknowledge();
    return taken > 0;
  }

  #end(id: number): void {
    const command = this.#underWay.get(id);
    if (command === undefined) {
      this.#tally.repeated(1, `the completion of command ${id}, which is not under way`);
      return;
    }
    const { block, isWrite, buffer } = command;
    if (!isWrite) this.#model.verify(block, this.#driver.buffer(buffer), this.#tally);
    this.#underWay.delete(id);
    this.#busyBlocks.delete(block);
    this.#buffers.push(buffer);
    this.#tally.operation();
  }
}
