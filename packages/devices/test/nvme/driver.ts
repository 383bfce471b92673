import { type Iova, type PciDevice, TestHost, type TestHostOptions } from '@vfio-user/core';
import {
  NvmeController,
  type NvmeRequest,
  type QueuePair,
  Registers,
  type NvmeCompletion as Result,
} from '@vfio-user/drivers';
import { nvme } from '../../src/nvme/index.js';
import { DOORBELLS_OFFSET, REGISTER } from '../../src/nvme/registers.js';
import { registerPort } from '../register-port.js';

export type { QueuePair, Result };

export const PAGE = 4096;

/** How guest memory is reached: as views, or only by messages, which are all answered or posted. */
export type MemoryMode = 'mapped' | 'messages' | 'posted';

/** Where guest memory starts, so that address 0 is a fault. */
export const GUEST_BASE = 0x10_0000;
export const GUEST_BYTES = 32 * 1024 * 1024;
/** Guest memory the device may read, but not write. */
export const READ_ONLY_BASE = 0x8000_0000;

/** A command as a test puts it together; what is missing is 0. */
export interface CommandFields {
  readonly opcode: number;
  readonly id?: number;
  readonly flags?: number;
  readonly namespaceId?: number;
  readonly prp1?: Iova;
  readonly prp2?: Iova;
  /** Dwords 10 and up. */
  readonly dwords?: readonly number[];
}

/** The NVMe driver on a device in this process, with memory to hand out and interrupts in the test's hands. */
export class Driver {
  readonly host: TestHost;
  readonly device: PciDevice;
  /** Whether completions are taken out when an interrupt comes. */
  isReaping = true;
  /** Memory page size in units of 4 KiB. */
  pageStride = 1;
  /** How doorbells are rung. */
  ring: (offset: number, value: number) => void = (offset, value) => this.write32(offset, value);
  readonly #controller: NvmeController;
  #nextPage = GUEST_BASE;

  constructor(host: TestHost) {
    this.host = host;
    this.device = host.device;
    const doorbells = {
      store: (offset: number, value: number) => this.ring(DOORBELLS_OFFSET + offset, value),
      close() {},
    };
    const bytes = (address: number, length: number) => host.guest(address, length);
    this.#controller = new NvmeController(new Registers(registerPort(host)), doorbells, bytes);
    host.onInterrupt = () => {
      if (this.isReaping) this.reap();
    };
  }

  static async create(
    mode: MemoryMode,
    set: Record<string, unknown> = {},
    options: TestHostOptions = {},
  ): Promise<Driver> {
    const settings = set.file === undefined ? { size: '16M', ...set } : set;
    const host = await TestHost.plugIn(nvme, settings, options);
    const by = mode === 'mapped' ? 'shared' : 'messages';
    host.messages.posts = mode === 'posted';
    host.map(GUEST_BASE, GUEST_BYTES, { by });
    host.map(READ_ONLY_BASE, 64 * 1024, { by, rights: 'r' });
    return new Driver(host);
  }

  get admin(): QueuePair {
    return this.#controller.admin;
  }

  /** Those that {@link reap} looks at. */
  get queues(): QueuePair[] {
    return this.#controller.queues;
  }

  read(offset: number, size: number): number {
    return this.host.read(0, offset, size);
  }

  read32(offset: number): number {
    return this.host.read(0, offset, 4);
  }

  write32(offset: number, value: number): void {
    this.host.write(0, offset, 4, value);
  }

  /** Fresh pages; with 0, where the next ones will be. */
  pages(count = 1): number {
    const address = this.#nextPage;
    this.#nextPage += count * this.pageStride * PAGE;
    if (this.#nextPage > GUEST_BASE + GUEST_BYTES) {
      throw new Error('the test guest is out of memory');
    }
    return address;
  }

  /** Use the memory from `address` again. */
  rewind(address: number): void {
    this.#nextPage = address;
  }

  bytes(address: number, length: number): Uint8Array {
    return this.host.guest(address, length);
  }

  /** Write admin queue registers and CC.EN; returns CSTS. */
  enable(entries = 32, configuration?: number): number {
    const queues = { submission: this.pages(), completion: this.pages(), entries };
    this.#controller.enable(queues, configuration);
    return this.read32(REGISTER.CSTS);
  }

  disable(): void {
    this.#controller.disable();
  }

  /** Create an I/O queue pair whose completions are reaped. */
  async queuePair(id: number, entries = 64): Promise<QueuePair> {
    const pair = await this.createPair(id, { entries });
    this.queues.push(pair);
    return pair;
  }

  /** Create an I/O queue pair whose completions are left alone. */
  createPair(
    id: number,
    options: { entries?: number; completionEntries?: number; vector?: number | undefined } = {},
  ): Promise<QueuePair> {
    const { entries = 64, completionEntries = entries } = options;
    return this.#controller.createPair(id, {
      submission: this.pages(Math.ceil((entries * 64) / PAGE)),
      completion: this.pages(Math.ceil((completionEntries * 16) / PAGE)),
      entries,
      completionEntries,
      vector: 'vector' in options ? options.vector : id,
    });
  }

  /** A queue pair that the test creates by itself. */
  pair(id: number, options: Parameters<NvmeController['pair']>[1]): QueuePair {
    return this.#controller.pair(id, options);
  }

  /** Put a command into the ring without ringing. */
  place(queue: QueuePair, fields: CommandFields): Promise<Result> {
    const id = fields.id ?? queue.nextId();
    queue.place({ ...request(fields), id });
    return queue.ended(id);
  }

  submit(queue: QueuePair, fields: CommandFields): Promise<Result> {
    return queue.submit(request(fields));
  }

  /** An admin command. */
  execute(fields: CommandFields): Promise<Result> {
    return this.#controller.execute(request(fields));
  }

  /** Take all new completions out of the rings. */
  reap(): void {
    this.#controller.reap();
  }
}

function request({ dwords = [], ...fields }: CommandFields): NvmeRequest {
  const named = dwords.map((value, index) => [`dword${10 + index}`, value]);
  return { ...fields, ...Object.fromEntries(named) };
}

/** Until the device has nothing left to do in this turn and the next few. */
export async function settle(turns = 8): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Bytes that differ at every position within reach of a mistake. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++)
    bytes[index] = (index * 31 + (index >>> 8) * 7 + seed) & 0xff;
  return bytes;
}
