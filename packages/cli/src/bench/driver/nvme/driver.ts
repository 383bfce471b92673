import type { DeviceClient } from '@vfio-user/core';
import {
  InterruptWait,
  type NvmeCommand,
  nvmeNumbers as nvme,
  Registers,
} from '@vfio-user/devices/drivers';
import { BenchError } from '../../errors.js';
import { Guest } from '../guest.js';
import { QUEUE_ENTRIES, QueuePair } from './queue-pair.js';

/** Pages of guest memory: two pairs of rings, then a page for each command. */
const ADMIN_PAGE = 0;
const IO_PAGE = 2;
const FIRST_BUFFER_PAGE = 4;
const GUEST_BYTES = (FIRST_BUFFER_PAGE + QUEUE_ENTRIES) * nvme.PAGE_BYTES;

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

/**
 * The least of an NVMe driver: one I/O queue pair with a page for each of its commands. Doorbells
 * are posted writes, and completions come by MSI-X.
 */
export class NvmeDriver {
  readonly io: QueuePair;
  readonly guest: Guest;
  readonly #interrupts: InterruptWait;
  readonly #admin: QueuePair;

  private constructor(guest: Guest, registers: Registers, interrupts: InterruptWait) {
    this.guest = guest;
    this.#interrupts = interrupts;
    this.#admin = new QueuePair(guest, registers, 0, ADMIN_PAGE);
    this.io = new QueuePair(guest, registers, 1, IO_PAGE);
  }

  /** Enable the controller and create the I/O queues. The driver closes the client. */
  static async open(client: DeviceClient): Promise<NvmeDriver> {
    const guest = await Guest.plugIn(client, GUEST_BYTES);
    const registers = new Registers(client);
    const interrupts = await InterruptWait.enable(client, VECTORS);
    const driver = new NvmeDriver(guest, registers, interrupts);
    await driver.#enable(registers);
    await driver.#createQueues();
    return driver;
  }

  /** Guest address of the page of command `id`. */
  bufferAddress(id: number): number {
    return this.#admin.submissionAddress + this.#bufferOffset(id);
  }

  /** The page of command `id`. */
  buffer(id: number): Uint8Array {
    return this.guest.view(this.#bufferOffset(id), nvme.PAGE_BYTES);
  }

  /** Until completions may be there. */
  wait(): Promise<void> {
    return this.#interrupts.next();
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

  close(): Promise<void> {
    return this.guest.close();
  }

  #bufferOffset(id: number): number {
    return (FIRST_BUFFER_PAGE + id) * nvme.PAGE_BYTES;
  }

  async #enable(registers: Registers): Promise<void> {
    const { submissionAddress, completionAddress } = this.#admin;
    await registers.write(nvme.REGISTER.AQA, (QUEUE_ENTRIES - 1) | ((QUEUE_ENTRIES - 1) << 16));
    await registers.write64(nvme.REGISTER.ASQ, submissionAddress);
    await registers.write64(nvme.REGISTER.ACQ, completionAddress);
    await registers.write(nvme.REGISTER.CC, nvme.CC_ENABLE);
    if (((await registers.read(nvme.REGISTER.CSTS)) & nvme.CSTS_READY) === 0) {
      throw new BenchError('the NVMe controller is not ready');
    }
  }

  async #createQueues(): Promise<void> {
    const { id, submissionAddress, completionAddress } = this.io;
    const size = id | ((QUEUE_ENTRIES - 1) << 16);
    await this.#execute({
      ...NO_FIELDS,
      opcode: nvme.CREATE_COMPLETION_QUEUE,
      id: 0,
      prp1: completionAddress,
      dword10: size,
      dword11: nvme.CONTIGUOUS | nvme.INTERRUPTS_ENABLED | (id << 16),
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
