// Both ends of an RDMA connection in one process, for the tests of node-rdma-ffi.

import {
  type CompletionQueue,
  listDevices,
  type MemoryRegion,
  type MemoryRegionAccess,
  NativeBuffer,
  openDevice,
  type ProtectionDomain,
  type QueuePair,
  type RdmaDevice,
} from 'node-rdma-ffi';
import type { Test } from 'tap';

/** A completion, copied out of the queue. */
export interface Completion {
  readonly id: number;
  readonly status: number;
  readonly opcode: number;
  readonly byteLength: number;
  readonly immediate: number | undefined;
  readonly queuePair: number;
}

export interface EndOptions {
  readonly spinUs?: number;
  readonly maxInline?: number;
  /** Bytes of its memory. */
  readonly length?: number;
  /** Of its memory. Everything by default. */
  readonly access?: MemoryRegionAccess;
}

const EVERYTHING = { localWrite: true, remoteRead: true, remoteWrite: true };
export const QUEUE = 64;
const PATIENCE_MS = 20_000;

/** The name of the device, and where its IPv4 address is among the GIDs of its port. */
export function rxe(): { name: string; gidIndex: number } {
  const [device] = listDevices();
  const gid = device?.ports[0]?.gids.find((candidate) => candidate.gid.startsWith('::ffff:'));
  if (device === undefined || gid === undefined) throw new Error('no RDMA device with an address');
  return { name: device.name, gidIndex: gid.index };
}

/** One end: a device opened for itself, one queue pair, one buffer with a memory region. */
export class End {
  readonly device: RdmaDevice;
  readonly domain: ProtectionDomain;
  readonly queue: CompletionQueue;
  readonly pair: QueuePair;
  readonly buffer: NativeBuffer;
  readonly region: MemoryRegion;
  readonly #completions: Completion[] = [];
  #waiting: ((completion: Completion) => void) | undefined;

  constructor({
    spinUs = 0,
    maxInline = 0,
    length = 65_536,
    access = EVERYTHING,
  }: EndOptions = {}) {
    const { name, gidIndex } = rxe();
    this.device = openDevice(name);
    this.domain = this.device.createProtectionDomain();
    this.queue = this.device.createCompletionQueue({ depth: 2 * QUEUE, spinUs });
    this.pair = this.domain.createQueuePair({
      sendQueue: this.queue,
      receiveQueue: this.queue,
      maxSend: QUEUE,
      maxReceive: QUEUE,
      maxInline,
      port: 1,
      gidIndex,
    });
    this.buffer = new NativeBuffer(length);
    this.region = this.domain.register(this.buffer.bytes, access);
    this.queue.start((count) => {
      for (let i = 0; i < count; i++) this.#take(i);
    });
  }

  /** The next completion, in order. */
  async next(): Promise<Completion> {
    const present = this.#completions.shift();
    if (present !== undefined) return present;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no completion')), PATIENCE_MS);
      this.#waiting = (completion) => {
        clearTimeout(timer);
        resolve(completion);
      };
    });
  }

  /** Offers the whole buffer, or part of it, for one message. */
  receive(id: number, length = this.buffer.length): void {
    this.pair.postReceive({ id, ...this.local(length) });
  }

  /** The first `length` bytes of its memory, for a work request of its own. */
  local(length: number): { address: number; length: number; localKey: number } {
    return { address: this.buffer.address, length, localKey: this.region.localKey };
  }

  /** Its memory from `offset`, for a work request of the peer. */
  remote(offset = 0): { remoteAddress: number; remoteKey: number } {
    const { address, remoteKey } = this.region;
    return { remoteAddress: address + offset, remoteKey };
  }

  #take(i: number): void {
    const { queue } = this;
    const completion = {
      id: queue.id(i),
      status: queue.status(i),
      opcode: queue.opcode(i),
      byteLength: queue.byteLength(i),
      immediate: queue.immediate(i),
      queuePair: queue.queuePair(i),
    };
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#completions.push(completion);
    else waiting(completion);
  }
}

/** Two ends that are connected, until the test is over. */
export function connectedEnds(t: Test, near: EndOptions = {}, far = near): [End, End] {
  const ends: [End, End] = [new End(near), new End(far)];
  const [left, right] = ends;
  left.pair.connect(right.pair.parameters);
  right.pair.connect(left.pair.parameters);
  t.teardown(() => {
    for (const end of ends) end.device.close();
  });
  return ends;
}

/** Bytes that differ from their neighbours, and by `seed`. */
export function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) + seed) & 0xff);
}
