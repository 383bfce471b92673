import { setImmediate } from 'node:timers/promises';
import { type DeviceClient, VfioUserError } from '@vfio-user/core';
import { Guest } from '../guest.js';
import { InterruptWait } from '../interrupt-wait.js';
import { Registers } from '../registers.js';
import { type Doorbells, mappedDoorbells, postedDoorbells } from './doorbells.js';
import * as nvme from './entries.js';
import { QUEUE_ENTRIES, QueuePair } from './queue-pair.js';
import type { NvmeCommand } from './submission-ring.js';

/** Pages of guest memory: two pairs of rings, then a buffer of some pages for each command. */
const ADMIN_PAGE = 0;
const IO_PAGE = 2;
const FIRST_BUFFER_PAGE = 4;
/** Pages of the buffer of one command. */
const BUFFER_PAGES = 2;
const GUEST_BYTES = (FIRST_BUFFER_PAGE + QUEUE_ENTRIES * BUFFER_PAGES) * nvme.PAGE_BYTES;

/** Interrupt vectors: the admin queue's and the I/O queue's. */
const VECTORS = 2;
const NAMESPACE_ID = 1;

const NO_FIELDS = { namespaceId: 0, prp1: 0, prp2: 0, dword10: 0, dword11: 0, dword12: 0 } as const;

/** What is stored. */
export interface Namespace {
  readonly id: number;
  readonly bytes: number;
  /** Of a logical block. */
  readonly blockBytes: number;
}

/** How an {@link NvmeDriver} and its controller tell each other of commands. */
export interface NvmeDriverOptions {
  /**
   * `mapped`: by stores to the controller's memory, and completions are polled for. Otherwise by
   * posted writes, and completions come with MSI-X.
   */
  readonly doorbells?: 'posted' | 'mapped';
}

/** The least of an NVMe driver: one I/O queue pair with a buffer for each of its commands. */
export class NvmeDriver {
  readonly io: QueuePair;
  readonly guest: Guest;
  readonly #interrupts: InterruptWait | undefined;
  readonly #admin: QueuePair;
  readonly #doorbells: Doorbells;

  private constructor(guest: Guest, doorbells: Doorbells, interrupts: InterruptWait | undefined) {
    this.guest = guest;
    this.#interrupts = interrupts;
    this.#doorbells = doorbells;
    this.#admin = new QueuePair(guest, doorbells, 0, ADMIN_PAGE);
    this.io = new QueuePair(guest, doorbells, 1, IO_PAGE);
  }

  /** Enable the controller and create the I/O queues. The driver closes the client. */
  static async open(
    client: DeviceClient,
    { doorbells: kind = 'posted' }: NvmeDriverOptions = {},
  ): Promise<NvmeDriver> {
    const isMapped = kind === 'mapped';
    const guest = await Guest.plugIn(client, GUEST_BYTES);
    const registers = new Registers(client);
    const doorbells = isMapped ? await mappedDoorbells(client) : postedDoorbells(registers);
    const interrupts = isMapped ? undefined : await InterruptWait.enable(client, VECTORS);
    const driver = new NvmeDriver(guest, doorbells, interrupts);
    await driver.#enable(registers);
    await driver.#createQueues();
    return driver;
  }

  /** Guest address of the buffer of command `id`: 4 KiB are in one page. */
  bufferAddress(id: number): number {
    return this.#admin.submissionAddress + this.#bufferOffset(id);
  }

  /** The first page of the buffer of command `id`. */
  buffer(id: number): Uint8Array {
    return this.guest.view(this.#bufferOffset(id), nvme.PAGE_BYTES);
  }

  /** Nobody tells of completions. */
  get isPolled(): boolean {
    return this.#interrupts === undefined;
  }

  /** Until completions may be there. */
  wait(): Promise<void> {
    return this.#interrupts?.next() ?? setImmediate();
  }

  async namespace(): Promise<Namespace> {
    await this.#execute({
      ...NO_FIELDS,
      opcode: nvme.IDENTIFY,
      id: 0,
      namespaceId: NAMESPACE_ID,
      prp1: this.bufferAddress(0),
      dword10: nvme.IDENTIFY_NAMESPACE,
    });
    const { buffer, byteOffset } = this.buffer(0);
    const view = new DataView(buffer, byteOffset);
    const format = view.getUint8(nvme.FORMATTED_SIZE) & 0xf;
    const blockBytes = 2 ** view.getUint8(nvme.FORMATS + 4 * format + 2);
    const blocks = Number(view.getBigUint64(nvme.NAMESPACE_SIZE, true));
    return { id: NAMESPACE_ID, bytes: blocks * blockBytes, blockBytes };
  }

  async close(): Promise<void> {
    this.#doorbells.close();
    await this.guest.close();
  }

  #bufferOffset(id: number): number {
    return (FIRST_BUFFER_PAGE + id * BUFFER_PAGES) * nvme.PAGE_BYTES;
  }

  async #enable(registers: Registers): Promise<void> {
    const { submissionAddress, completionAddress } = this.#admin;
    await registers.write(nvme.REGISTER.AQA, (QUEUE_ENTRIES - 1) | ((QUEUE_ENTRIES - 1) << 16));
    await registers.write64(nvme.REGISTER.ASQ, submissionAddress);
    await registers.write64(nvme.REGISTER.ACQ, completionAddress);
    await registers.write(nvme.REGISTER.CC, nvme.CC_ENABLE);
    if (((await registers.read(nvme.REGISTER.CSTS)) & nvme.CSTS_READY) === 0) {
      throw new VfioUserError('VFU_SYSTEM_ERROR', 'the NVMe controller is not ready');
    }
  }

  async #createQueues(): Promise<void> {
    const { id, submissionAddress, completionAddress } = this.io;
    const size = id | ((QUEUE_ENTRIES - 1) << 16);
    const interrupting = this.isPolled ? 0 : nvme.INTERRUPTS_ENABLED;
    await this.#execute({
      ...NO_FIELDS,
      opcode: nvme.CREATE_COMPLETION_QUEUE,
      id: 0,
      prp1: completionAddress,
      dword10: size,
      dword11: nvme.CONTIGUOUS | interrupting | (id << 16),
    });
    await this.#execute({
      ...NO_FIELDS,
      opcode: nvme.CREATE_SUBMISSION_QUEUE,
      id: 1,
      prp1: submissionAddress,
      dword10: size,
      dword11: nvme.CONTIGUOUS | (id << 16),
    });
  }

  async #execute(command: NvmeCommand): Promise<void> {
    this.#admin.place(command);
    this.#admin.ring();
    while (this.#admin.take() < 0) await this.wait();
    this.#admin.acknowledge();
  }
}
