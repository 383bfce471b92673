import type { AccessSize, PciDevice, RegisterAccess } from '@vfio-user/core';
import { nvme } from '../../src/nvme/index.js';
import { FakeHost, GUEST_BASE, GUEST_BYTES, type MemoryMode } from './fake-host.js';

export const PAGE = 4096;

/** What the driver saw of a command's end. */
export interface Result {
  /** Status without the Do Not Retry bit: type in bits 10:8, code in 7:0. */
  readonly status: number;
  readonly doNotRetry: boolean;
  readonly result: number;
  readonly queueHead: number;
  readonly queueId: number;
}

/** A command as the driver puts it together; what is missing is 0. */
export interface CommandFields {
  readonly opcode: number;
  readonly id?: number;
  readonly flags?: number;
  readonly namespaceId?: number;
  readonly prp1?: number | bigint;
  readonly prp2?: number | bigint;
  /** Dwords 10 and up. */
  readonly dwords?: readonly number[];
}

/** A queue pair on the guest's side. */
export class QueuePair {
  readonly id: number;
  readonly entries: number;
  readonly submissionBase: number;
  readonly completionBase: number;
  tail = 0;
  head = 0;
  phase = 1;
  readonly waiting = new Map<number, (result: Result) => void>();
  nextId = 0;

  constructor(id: number, entries: number, submissionBase: number, completionBase: number) {
    this.id = id;
    this.entries = entries;
    this.submissionBase = submissionBase;
    this.completionBase = completionBase;
  }
}

/** A small NVMe driver for tests. */
export class Driver {
  readonly host: FakeHost;
  readonly device: PciDevice;
  admin!: QueuePair; // set by enable(), which every test calls first
  readonly queues: QueuePair[] = [];
  /** Whether completions are taken out when an interrupt comes. */
  isReaping = true;
  /** Memory page size in units of 4 KiB. */
  pageStride = 1;
  /** How doorbells are rung. */
  ring: (offset: number, value: number) => void = (offset, value) => this.write32(offset, value);
  readonly #registers: RegisterAccess;
  #nextPage = GUEST_BASE;

  constructor(host: FakeHost, device: PciDevice) {
    this.host = host;
    this.device = device;
    this.#registers = device.bars?.[0]?.access as RegisterAccess; // BAR0 holds registers
    host.onInterrupt = () => {
      if (this.isReaping) this.reap();
    };
  }

  static async create(
    mode: MemoryMode,
    set: Record<string, unknown> = {},
    host = new FakeHost(mode),
  ): Promise<Driver> {
    const options = nvme.options.parse(set.file === undefined ? { size: '16M', ...set } : set);
    return new Driver(host, await nvme.create(host, options));
  }

  read(offset: number, size: AccessSize): number {
    return this.#registers.read(offset, size);
  }

  read32(offset: number): number {
    return this.#registers.read(offset, 4) >>> 0;
  }

  write32(offset: number, value: number): void {
    this.#registers.write(offset, 4, value);
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
  enable(entries = 32, configuration = 0x0046_0001): number {
    this.queues.length = 0;
    this.admin = new QueuePair(0, entries, this.pages(), this.pages());
    this.queues.push(this.admin);
    this.write32(0x24, (entries - 1) | ((entries - 1) << 16));
    this.write32(0x28, this.admin.submissionBase);
    this.write32(0x2c, 0);
    this.write32(0x30, this.admin.completionBase);
    this.write32(0x34, 0);
    this.write32(0x14, configuration);
    return this.read32(0x1c);
  }

  disable(): void {
    this.write32(0x14, 0);
  }

  /** Create an I/O queue pair whose completions are reaped. */
  async queuePair(id: number, entries = 64): Promise<QueuePair> {
    const pair = await this.createPair(id, { entries });
    this.queues.push(pair);
    return pair;
  }

  /** Create an I/O queue pair whose completions are left alone. */
  async createPair(
    id: number,
    options: { entries?: number; completionEntries?: number; completionFlags?: number } = {},
  ): Promise<QueuePair> {
    const { entries = 64, completionEntries = entries } = options;
    const { completionFlags = 3 | (id << 16) } = options;
    const submission = this.pages(Math.ceil((entries * 64) / PAGE));
    const completion = this.pages(Math.ceil((completionEntries * 16) / PAGE));
    const cq = await this.execute({
      opcode: 0x05,
      prp1: completion,
      dwords: [id | ((completionEntries - 1) << 16), completionFlags],
    });
    const sq = await this.execute({
      opcode: 0x01,
      prp1: submission,
      dwords: [id | ((entries - 1) << 16), 1 | (id << 16)],
    });
    if (cq.status !== 0 || sq.status !== 0)
      throw new Error(`queue ${id}: ${cq.status} ${sq.status}`);
    return new QueuePair(id, entries, submission, completion);
  }

  /** Put a command into the ring without ringing. */
  place(queue: QueuePair, fields: CommandFields): Promise<Result> {
    const id = fields.id ?? queue.nextId++ & 0xfff;
    const address = queue.submissionBase + queue.tail * 64;
    const entry = this.#view(address, 64);
    for (let at = 0; at < 64; at += 4) entry.setUint32(at, 0, true);
    entry.setUint32(0, fields.opcode | ((fields.flags ?? 0) << 8) | (id << 16), true);
    entry.setUint32(4, fields.namespaceId ?? 0, true);
    entry.setBigUint64(24, BigInt(fields.prp1 ?? 0), true);
    entry.setBigUint64(32, BigInt(fields.prp2 ?? 0), true);
    fields.dwords?.forEach((dword, index) => {
      entry.setUint32(40 + index * 4, dword, true);
    });
    queue.tail = (queue.tail + 1) % queue.entries;
    return new Promise((resolve) => queue.waiting.set(id, resolve));
  }

  submit(queue: QueuePair, fields: CommandFields): Promise<Result> {
    const done = this.place(queue, fields);
    this.ringTail(queue);
    return done;
  }

  /** An admin command. */
  execute(fields: CommandFields): Promise<Result> {
    return this.submit(this.admin, fields);
  }

  ringTail(queue: QueuePair): void {
    this.ring(0x1000 + queue.id * 8, queue.tail);
  }

  /** Take all new completions out of the rings. */
  reap(): number {
    let count = 0;
    for (const queue of this.queues) {
      const before = count;
      for (let next = this.#next(queue); next !== undefined; next = this.#next(queue)) {
        count++;
        const [id, result] = next;
        queue.waiting.get(id)?.(result);
        queue.waiting.delete(id);
      }
      if (count > before) this.ring(0x1004 + queue.id * 8, queue.head);
    }
    return count;
  }

  #next(queue: QueuePair): [number, Result] | undefined {
    const entry = this.#view(queue.completionBase + queue.head * 16, 16);
    const last = entry.getUint32(12, true);
    if (((last >>> 16) & 1) !== queue.phase) return undefined;
    if (++queue.head === queue.entries) {
      queue.head = 0;
      queue.phase ^= 1;
    }
    return [
      last & 0xffff,
      {
        status: (last >>> 17) & 0x7ff,
        doNotRetry: last >>> 31 === 1,
        result: entry.getUint32(0, true),
        queueHead: entry.getUint16(8, true),
        queueId: entry.getUint16(10, true),
      },
    ];
  }

  #view(address: number, length: number): DataView {
    const bytes = this.bytes(address, length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }
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
