// The least of an NVMe driver, in this process: a plain vfio-user client that reads blocks.

import { type DeviceClient, type GuestMemory, Irq, Region } from '@vfio-user/core';

/** Numbers of NVM Express 1.4. */
const REGISTER = { VS: 0x08, CC: 0x14, CSTS: 0x1c, AQA: 0x24, ASQ: 0x28, ACQ: 0x30 };
const DOORBELLS = 0x1000;
/** CC: enabled, entries of 64 and 16 bytes, pages of 4 KiB. */
const CC_ENABLE = 0x0046_0001;
const CREATE_SUBMISSION_QUEUE = 0x01;
const CREATE_COMPLETION_QUEUE = 0x05;
const WRITE = 0x01;
const READ = 0x02;
const NAMESPACE = 1;
const SECTORS_PER_BLOCK = 8;
export const BLOCK_BYTES = 4096;

const GUEST_BASE = 0x1_0000_0000;
const ENTRIES = 16;
/** Pages of guest memory: two pairs of rings, and the data. */
const PAGES = 5;
const DATA_PAGE = 4;
const VECTORS = 2;

/** A submission and a completion ring of one page each. */
interface QueuePair {
  readonly id: number;
  readonly page: number;
  tail: number;
  head: number;
  phase: number;
}

export class NvmeClient {
  readonly #client: DeviceClient;
  readonly #memory: GuestMemory;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #admin = queue(0, 0);
  #io = queue(1, 2);
  #signals = 0;
  #onSignal: () => void = () => {};

  private constructor(client: DeviceClient) {
    this.#client = client;
    this.#memory = client.memory.allocate(PAGES * BLOCK_BYTES);
    const bytes = this.#memory.view(0, PAGES * BLOCK_BYTES);
    if (bytes === undefined) throw new Error('guest memory has no view');
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Hands the device memory and interrupts; the controller is not started yet. */
  static async attach(client: DeviceClient): Promise<NvmeClient> {
    const driver = new NvmeClient(client);
    await client.dmaMap({ address: GUEST_BASE, memory: driver.#memory });
    await client.enableInterrupts(Irq.MSIX, VECTORS, (_vector, count) => {
      driver.#signals += count;
      driver.#onSignal();
    });
    return driver;
  }

  /** The controller's version register: all ones when it is not there. */
  async version(): Promise<number> {
    return this.#readRegister(REGISTER.VS);
  }

  /** Resets the controller, starts it, and makes one pair of I/O queues. */
  async start(): Promise<void> {
    await this.#writeRegister(REGISTER.CC, 0);
    this.#bytes.fill(0);
    this.#admin = queue(0, 0);
    this.#io = queue(1, 2);
    await this.#writeRegister(REGISTER.AQA, (ENTRIES - 1) | ((ENTRIES - 1) << 16));
    await this.#writeRegister64(REGISTER.ASQ, addressOf(0));
    await this.#writeRegister64(REGISTER.ACQ, addressOf(1));
    await this.#writeRegister(REGISTER.CC, CC_ENABLE);
    if (((await this.#readRegister(REGISTER.CSTS)) & 1) === 0) {
      throw new Error('the NVMe controller is not ready');
    }
    const size = 1 | ((ENTRIES - 1) << 16);
    const contiguous = 1;
    const interrupting = contiguous | 2 | (1 << 16);
    await this.#execute(this.#admin, CREATE_COMPLETION_QUEUE, addressOf(3), [size, interrupting]);
    const onQueue1 = contiguous | (1 << 16);
    await this.#execute(this.#admin, CREATE_SUBMISSION_QUEUE, addressOf(2), [size, onQueue1]);
  }

  /** Reads one block of 4 KiB; the answer is valid until the next command. */
  async read(block: number): Promise<Uint8Array> {
    await this.#transfer(READ, block);
    return this.#data;
  }

  async write(block: number, data: Uint8Array): Promise<void> {
    this.#data.set(data);
    await this.#transfer(WRITE, block);
  }

  get #data(): Uint8Array {
    return this.#bytes.subarray(DATA_PAGE * BLOCK_BYTES, (DATA_PAGE + 1) * BLOCK_BYTES);
  }

  #transfer(opcode: number, block: number): Promise<void> {
    const dwords = [block * SECTORS_PER_BLOCK, 0, SECTORS_PER_BLOCK - 1];
    return this.#execute(this.#io, opcode, addressOf(DATA_PAGE), dwords);
  }

  /** One command at a time: from the doorbell to the interrupt of its completion. */
  async #execute(
    on: QueuePair,
    opcode: number,
    prp1: number,
    dwords: readonly number[],
  ): Promise<void> {
    const entry = on.page * BLOCK_BYTES + on.tail * 64;
    this.#bytes.fill(0, entry, entry + 64);
    this.#view.setUint32(entry, opcode | (on.tail << 16), true);
    this.#view.setUint32(entry + 4, NAMESPACE, true);
    this.#view.setBigUint64(entry + 24, BigInt(prp1), true);
    dwords.forEach((dword, i) => {
      this.#view.setUint32(entry + 40 + i * 4, dword, true);
    });
    on.tail = (on.tail + 1) % ENTRIES;
    this.#ring(on.id * 8, on.tail);

    const completion = (on.page + 1) * BLOCK_BYTES + on.head * 16 + 12;
    while (((this.#view.getUint32(completion, true) >>> 16) & 1) !== on.phase) {
      await this.#signal();
    }
    const status = this.#view.getUint32(completion, true) >>> 17;
    on.head = (on.head + 1) % ENTRIES;
    if (on.head === 0) on.phase ^= 1;
    this.#ring(on.id * 8 + 4, on.head);
    if (status !== 0) throw new Error(`NVMe command ${opcode} ended with status ${status}`);
  }

  async #signal(): Promise<void> {
    if (this.#signals === 0) {
      await new Promise<void>((resolve) => {
        this.#onSignal = resolve;
      });
    }
    this.#signals = 0;
  }

  #ring(doorbell: number, value: number): void {
    this.#client.regionWritePosted(Region.BAR0, DOORBELLS + doorbell, word(value));
  }

  async #readRegister(offset: number): Promise<number> {
    const { buffer, byteOffset } = await this.#client.regionRead(Region.BAR0, offset, 4);
    return new DataView(buffer, byteOffset).getUint32(0, true);
  }

  #writeRegister(offset: number, value: number): Promise<void> {
    return this.#client.regionWrite(Region.BAR0, offset, word(value));
  }

  async #writeRegister64(offset: number, value: number): Promise<void> {
    await this.#writeRegister(offset, value % 2 ** 32);
    await this.#writeRegister(offset + 4, Math.floor(value / 2 ** 32));
  }
}

function queue(id: number, page: number): QueuePair {
  return { id, page, tail: 0, head: 0, phase: 1 };
}

function addressOf(page: number): number {
  return GUEST_BASE + page * BLOCK_BYTES;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
