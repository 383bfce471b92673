import { type DeviceClient, type GuestMemory, Irq } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import type { Random } from '../random.js';
import { InterruptCount } from './interrupt-count.js';
import type { Tally } from './tally.js';
import type { Workload } from './workload.js';

const PAGE_BYTES = 4096;
const BLOCK_BYTES = 64 * PAGE_BYTES;
/** Guest addresses. */
const SOURCE = 0x1000_0000;
const DESTINATION = 0x2000_0000;
const SEQUENCE = 0x3000_0000;
const EXTRA = 0x4000_0000;

/** Interrupt vectors. */
const RINGS = 0;
const BURST = 1;
const VECTORS = 2;

const MOST_WRITES = 32;
const MOST_RINGS = 8;
const MOST_BURST = 32;
/** One round in so many maps and unmaps memory, and wires up interrupts anew. */
const SETTING_ROUNDS = 4;

/** Register writes, interrupts and DMA of the test device: counted by it, and looked at. */
export class TestDeviceWork implements Workload {
  readonly #driver: TestDeviceDriver;
  readonly #tally: Tally;
  readonly #random: Random;
  readonly #interrupts: readonly InterruptCount[];
  readonly #source: GuestMemory;
  readonly #destination: GuestMemory;
  readonly #sequence: GuestMemory;
  readonly #extra: GuestMemory;
  #scratchWrites = 0;
  #rings = 0;
  #dmaOperations = 0;

  private constructor(
    client: DeviceClient,
    interrupts: readonly InterruptCount[],
    tally: Tally,
    random: Random,
  ) {
    this.#driver = new TestDeviceDriver(client);
    this.#interrupts = interrupts;
    this.#tally = tally;
    this.#random = random;
    this.#source = client.allocateMemory(BLOCK_BYTES);
    this.#destination = client.allocateMemory(BLOCK_BYTES);
    this.#sequence = client.allocateMemory(PAGE_BYTES);
    this.#extra = client.allocateMemory(PAGE_BYTES);
  }

  static async open(
    client: DeviceClient,
    tally: Tally,
    random: Random,
    interrupts = [new InterruptCount('of rings'), new InterruptCount('of bursts')],
  ): Promise<TestDeviceWork> {
    const work = new TestDeviceWork(client, interrupts, tally, random);
    await work.#enableInterrupts();
    await work.#map();
    return work;
  }

  async round(): Promise<void> {
    await this.#write();
    await this.#ring();
    await this.#burst();
    await this.#copy();
    for (const each of this.#interrupts) await each.verify(this.#tally);
    if (this.#random.between(1, SETTING_ROUNDS) === 1) await this.#set();
  }

  async close(): Promise<void> {
    await this.#driver.client.close();
    for (const memory of [this.#source, this.#destination, this.#sequence, this.#extra]) {
      memory.close();
    }
  }

  #enableInterrupts(): Promise<void> {
    return this.#driver.client.enableInterrupts(Irq.MSIX, VECTORS, (vector, count) =>
      this.#interrupts[vector]?.signal(count),
    );
  }

  async #map(): Promise<void> {
    const { client } = this.#driver;
    await client.dmaMap({ address: SOURCE, memory: this.#source, writable: false });
    await client.dmaMap({ address: DESTINATION, memory: this.#destination });
    await client.dmaMap({ address: SEQUENCE, memory: this.#sequence });
  }

  /** Posted writes to one register, which counts them and keeps the last. */
  async #write(): Promise<void> {
    const writes = this.#random.between(1, MOST_WRITES);
    let last = 0;
    for (let i = 0; i < writes; i++) {
      last = this.#random.between(0, 0xffff_ffff);
      if (!this.#driver.post32(register.SCRATCH, last)) await this.#driver.drained();
      this.#tally.operation();
    }
    const kept = await this.#read(register.SCRATCH);
    if (kept !== last) this.#tally.wrong(`SCRATCH is ${kept}, last written was ${last}`);
    const seen = await this.#read(register.SCRATCH_WRITES);
    this.#tally.compare('writes of SCRATCH', this.#scratchWrites + writes, seen);
    this.#scratchWrites = seen;
  }

  async #ring(): Promise<void> {
    const rings = this.#random.between(1, MOST_RINGS);
    for (let i = 0; i < rings; i++) {
      this.#interrupts[RINGS]?.expect(1);
      await this.#driver.ring(RINGS);
      this.#tally.operation();
    }
    const seen = await this.#read(register.DOORBELL_COUNT);
    this.#tally.compare('rings', this.#rings + rings, seen);
    this.#rings = seen;
  }

  /** A number is written to memory before each interrupt. */
  async #burst(): Promise<void> {
    const count = this.#random.between(1, MOST_BURST);
    const view = viewOf(this.#sequence, PAGE_BYTES);
    const numbers = new DataView(view.buffer, view.byteOffset);
    numbers.setUint32(0, 0, true);
    this.#interrupts[BURST]?.expect(count);
    await this.#driver.startBurst({ address: SEQUENCE, count, vector: BURST });
    const error = await this.#driver.burstEnded();
    await this.#interrupts[BURST]?.verify(this.#tally);
    const last = numbers.getUint32(0, true);
    if (error !== 0) this.#tally.wrong(`a burst of ${count} ended with errno ${error}`);
    if (last !== count) this.#tally.wrong(`the last number of a burst of ${count} is ${last}`);
    this.#tally.operation();
  }

  async #copy(): Promise<void> {
    const length = 4 * this.#random.between(1, BLOCK_BYTES / 4);
    const source = viewOf(this.#source, length);
    const destination = viewOf(this.#destination, length);
    const words = new Uint32Array(source.buffer, source.byteOffset, length / 4);
    this.#random.fill(words);
    destination.fill(0);
    const command = register.DMA_COPY_GUEST;
    const place = { source: SOURCE, destination: DESTINATION, length };
    const chunk = 4 * this.#random.between(256, BLOCK_BYTES / 8);
    const error = await this.#driver.dma({ command, ...place, chunk });
    if (error !== 0) this.#tally.wrong(`a copy of ${length} bytes ended with errno ${error}`);
    else if (Buffer.compare(source, destination) !== 0)
      this.#tally.wrong(`a copy of ${length} bytes is another content`);
    const done = await this.#read(register.DMA_OPERATIONS);
    this.#tally.compare('DMA operations', this.#dmaOperations + 1, done);
    this.#dmaOperations = done;
    this.#tally.operation();
  }

  async #set(): Promise<void> {
    const { client } = this.#driver;
    await this.#enableInterrupts();
    this.#tally.operation();
    await client.dmaMap({ address: EXTRA, memory: this.#extra });
    this.#tally.operation();
    await client.dmaUnmap(EXTRA, PAGE_BYTES);
    this.#tally.operation();
  }

  async #read(offset: number): Promise<number> {
    const value = await this.#driver.read32(offset);
    this.#tally.operation();
    return value;
  }
}

function viewOf(memory: GuestMemory, length: number): Uint8Array {
  const view = memory.view(0, length);
  if (view === undefined) throw new Error('this memory cannot be looked at');
  return view;
}
