import { setImmediate } from 'node:timers/promises';
import { type DeviceClient, Irq, VfioUserError } from '@vfio-user/core';
import { NVME_ADMIN_OPCODE, NVME_IO_OPCODE, nvmeRegisters } from '@vfio-user/devices';
import { GUEST_BASE, Guest } from '../guest.js';
import { InterruptWait } from '../interrupt-wait.js';
import { Registers } from '../registers.js';
import { NvmeController } from './controller.js';
import { type Doorbells, mappedDoorbells, postedDoorbells } from './doorbells.js';
import type { QueuePair } from './queue-pair.js';

const { CSTS_CFS, CSTS_RDY, REGISTER } = nvmeRegisters;
const PAGE_BYTES = 4096;

/** Entries of each ring: a submission ring of one page. */
const QUEUE_ENTRIES = 64;
/** Pages of guest memory: two pairs of rings, then a buffer of some pages for each command. */
const ADMIN_PAGE = 0;
const IO_PAGE = 2;
const FIRST_BUFFER_PAGE = 4;
/** Pages of the buffer of one command. */
const BUFFER_PAGES = 2;
const GUEST_BYTES = (FIRST_BUFFER_PAGE + QUEUE_ENTRIES * BUFFER_PAGES) * PAGE_BYTES;

/** Interrupt vectors: the admin queue's and the I/O queue's. */
const VECTORS = 2;
const IO_QUEUE = 1;
const NAMESPACE_ID = 1;
/** How long a controller may take to become ready, ms. */
const READY_MS = 10_000;
/** What a register reads where no device is. */
const ABSENT = 0xffff_ffff;

/** Identify, dword 10 (CNS): a namespace. */
const IDENTIFY_NAMESPACE = 0;
/** Identify namespace: its size in blocks, 64 bits. */
const NAMESPACE_SIZE = 0;
/** Identify namespace: which of the formats is in use, in the lower four bits. */
const FORMATTED_SIZE = 26;
/** Identify namespace: the formats, 4 bytes each; the third byte is the power of two of a block. */
const FORMATS = 128;

/** A namespace, from its Identify data. */
export interface Namespace {
  readonly id: number;
  readonly bytes: number;
  /** Of a logical block. */
  readonly blockBytes: number;
}

/** Options of an {@link NvmeDriver}. */
export interface NvmeDriverOptions {
  /**
   * `mapped`: by stores to the controller's memory, and completions are polled for. Otherwise by
   * posted writes, and completions come with MSI-X.
   */
  readonly doorbells?: 'posted' | 'mapped';
}

/** A small NVMe driver: one I/O queue pair with a buffer for each of its commands. */
export class NvmeDriver {
  /** Bytes that {@link read} and {@link write} move. */
  static readonly BLOCK_BYTES = PAGE_BYTES;

  readonly guest: Guest;
  readonly #controller: NvmeController;
  readonly #doorbells: Doorbells;
  readonly #interrupts: InterruptWait | undefined;
  #io: QueuePair | undefined;
  #namespace: Namespace | undefined;

  private constructor(
    guest: Guest,
    controller: NvmeController,
    doorbells: Doorbells,
    interrupts: InterruptWait | undefined,
  ) {
    this.guest = guest;
    this.#controller = controller;
    this.#doorbells = doorbells;
    this.#interrupts = interrupts;
  }

  /** Give the device memory and interrupts; the controller is not started. The client is the driver's to close. */
  static async attach(
    client: DeviceClient,
    { doorbells: kind = 'posted' }: NvmeDriverOptions = {},
  ): Promise<NvmeDriver> {
    const guest = await Guest.plugIn(client, GUEST_BYTES);
    try {
      return await NvmeDriver.#wire(guest, kind === 'mapped');
    } catch (error) {
      await guest.close();
      throw error;
    }
  }

  static async #wire(guest: Guest, isMapped: boolean): Promise<NvmeDriver> {
    const { client } = guest;
    const registers = new Registers(client);
    const doorbells = isMapped ? await mappedDoorbells(client) : postedDoorbells(registers);
    const controller = new NvmeController(registers, doorbells, (address, length) =>
      guest.view(address - GUEST_BASE, length),
    );
    if (isMapped) return new NvmeDriver(guest, controller, doorbells, undefined);
    const interrupts = new InterruptWait();
    await client.enableInterrupts(Irq.MSIX, VECTORS, (_vector, count) => {
      interrupts.signal(count);
      controller.reap();
    });
    return new NvmeDriver(guest, controller, doorbells, interrupts);
  }

  /** {@link attach} and {@link start}. */
  static async open(client: DeviceClient, options: NvmeDriverOptions = {}): Promise<NvmeDriver> {
    const driver = await NvmeDriver.attach(client, options);
    await driver.start();
    return driver;
  }

  /** Reset the controller, start it, create the I/O queues and look at the namespace. */
  async start(): Promise<void> {
    const controller = this.#controller;
    controller.disable();
    await this.#becomes(0);
    this.guest.view(0, FIRST_BUFFER_PAGE * PAGE_BYTES).fill(0);
    controller.enable(queueAt(ADMIN_PAGE));
    await this.#becomes(CSTS_RDY);
    const vector = this.isPolled ? undefined : IO_QUEUE;
    this.#io = await this.#reaping(
      controller.createPair(IO_QUEUE, { ...queueAt(IO_PAGE), vector }),
    );
    controller.queues.push(this.#io);
    this.#namespace = await this.#identify();
  }

  /** The I/O queue pair. */
  get io(): QueuePair {
    return started(this.#io);
  }

  get namespace(): Namespace {
    return started(this.#namespace);
  }

  /** The controller's version register: all ones when it is not there. */
  version(): Promise<number> {
    return this.#controller.registers.read32(REGISTER.VS);
  }

  /** Guest address of the buffer of command `id`: 4 KiB are in one page. */
  bufferAddress(id: number): number {
    return GUEST_BASE + bufferOffset(id);
  }

  /** The first page of the buffer of command `id`. */
  buffer(id: number): Uint8Array {
    return this.guest.view(bufferOffset(id), PAGE_BYTES);
  }

  /** Completions are polled for, not signalled by interrupts. */
  get isPolled(): boolean {
    return this.#interrupts === undefined;
  }

  /** Resolves when there may be completions. */
  wait(): Promise<void> {
    return this.#interrupts?.next() ?? setImmediate();
  }

  /** Read 4 KiB; one at a time. The answer is valid until the next command. */
  async read(block: number): Promise<Uint8Array> {
    await this.#transfer(NVME_IO_OPCODE.READ, block);
    return this.buffer(0);
  }

  /** Write 4 KiB; one at a time. */
  async write(block: number, data: Uint8Array): Promise<void> {
    this.buffer(0).set(data);
    await this.#transfer(NVME_IO_OPCODE.WRITE, block);
  }

  async close(): Promise<void> {
    this.#doorbells.close();
    await this.guest.close();
  }

  async #transfer(opcode: number, block: number): Promise<void> {
    const logicalBlocks = PAGE_BYTES / this.namespace.blockBytes;
    const ended = this.io.submit({
      opcode,
      namespaceId: NAMESPACE_ID,
      prp1: this.bufferAddress(0),
      dword10: block * logicalBlocks,
      dword12: logicalBlocks - 1,
    });
    const { status } = await this.#reaping(ended);
    if (status === 0) return;
    const text = `NVMe command 0x${opcode.toString(16)} of block ${block} failed: status ${status}`;
    throw new VfioUserError('VFU_SYSTEM_ERROR', text);
  }

  async #identify(): Promise<Namespace> {
    await this.#reaping(
      this.#controller.mustExecute({
        opcode: NVME_ADMIN_OPCODE.IDENTIFY,
        namespaceId: NAMESPACE_ID,
        prp1: this.bufferAddress(0),
        dword10: IDENTIFY_NAMESPACE,
      }),
    );
    const { buffer, byteOffset } = this.buffer(0);
    const view = new DataView(buffer, byteOffset);
    const format = view.getUint8(FORMATTED_SIZE) & 0xf;
    const blockBytes = 2 ** view.getUint8(FORMATS + 4 * format + 2);
    const blocks = Number(view.getBigUint64(NAMESPACE_SIZE, true));
    return { id: NAMESPACE_ID, bytes: blocks * blockBytes, blockBytes };
  }

  /** What waits for commands to end, with somebody who looks whether they have. */
  async #reaping<T>(ended: Promise<T>): Promise<T> {
    if (!this.isPolled) return ended;
    let hasEnded = false;
    const noted = ended.finally(() => {
      hasEnded = true;
    });
    while (!hasEnded) {
      await setImmediate();
      this.#controller.reap();
    }
    return noted;
  }

  /** Until CSTS.RDY is `ready`. */
  async #becomes(ready: number): Promise<void> {
    const giveUp = performance.now() + READY_MS;
    for (;;) {
      const status = await this.#controller.registers.read32(REGISTER.CSTS);
      const hasFailed = status === ABSENT || (ready !== 0 && (status & CSTS_CFS) !== 0);
      if (!hasFailed && (status & CSTS_RDY) === ready) return;
      if (hasFailed || performance.now() > giveUp) {
        const text = `the NVMe controller is not ready: CSTS is 0x${status.toString(16)}`;
        throw new VfioUserError('VFU_SYSTEM_ERROR', text);
      }
      await setImmediate();
    }
  }
}

function queueAt(page: number) {
  return {
    submission: GUEST_BASE + page * PAGE_BYTES,
    completion: GUEST_BASE + (page + 1) * PAGE_BYTES,
    entries: QUEUE_ENTRIES,
  };
}

function bufferOffset(id: number): number {
  return (FIRST_BUFFER_PAGE + id * BUFFER_PAGES) * PAGE_BYTES;
}

function started<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new VfioUserError('VFU_UNSUPPORTED', 'the NVMe controller has not been started');
  }
  return value;
}
