// Adapters that exist in this process only: queue pairs whose work is carried out between two turns of the event loop, in
// order, with the checks that real ones make.

import {
  CompletionStatus,
  type DeviceEventCode,
  type GidInfo,
  type MemoryRegionAccess,
  type QueuePairParameters,
  type ReadRequest,
  type ReceiveRequest,
  SendFlag,
  type SendRequest,
  type WriteRequest,
} from 'node-rdma-ffi';
import type {
  AdapterBuffer,
  CompletionQueue,
  MemoryRegion,
  PortDescription,
  Probe,
  ProtectionDomain,
  QueuePair,
  QueuePairOptions,
  RdmaDevice,
  Verbs,
} from '../src/verbs.js';

const PAGE_BYTES = 4096;
const NO_MEMORY = { address: 0, length: 0, localKey: 0, flags: 0 };
const NO_REMOTE = { remoteAddress: 0, remoteKey: 0 };

interface Work extends Required<Omit<WriteRequest, 'immediate'>> {
  readonly kind: 'send' | 'write' | 'read';
  readonly immediate: number;
}

interface Completion {
  readonly id: number;
  readonly status: number;
  readonly byteLength: number;
  readonly immediate: number | undefined;
}

/** What can go wrong on purpose. */
export interface FabricFaults {
  /** Why there is no adapter at all. */
  unavailable?: string;
  /** Nothing sent arrives. */
  black?: boolean;
  /** `register` fails for more bytes than that. */
  maxPinned?: number;
  /** Opening the adapter fails. */
  broken?: boolean;
  /** What is sent takes effect, and its sender does not hear of it. */
  unacknowledged?: boolean;
}

/** One network of adapters, all of them named `fake0`. */
export class FakeFabric implements Verbs {
  readonly faults: FabricFaults = {};
  readonly devices = new Set<FakeDevice>();
  /** RDMA READs and WRITEs that were carried out. */
  transfers = 0;
  readonly #buffers = new Map<Uint8Array, number>();
  readonly queuePairs = new Map<number, FakeQueuePair>();
  readonly regions = new Map<number, FakeRegion>();
  #nextAddress = 0x7000_0000_0000;
  #nextNumber = 1;

  probe(): Probe {
    const { unavailable } = this.faults;
    if (unavailable !== undefined) return { available: false, reason: unavailable };
    const gids: GidInfo[] = [
      { index: 0, gid: 'fe80::1', type: 'roce-v2' },
      { index: 1, gid: '::ffff:127.0.0.1', type: 'roce-v2' },
    ];
    const ports: PortDescription[] = [{ number: 1, state: 'active', gids }];
    return { available: true, devices: [{ name: 'fake0', ports }] };
  }

  openDevice(name: string): RdmaDevice {
    if (this.faults.broken) throw new Error('ibv_open_device failed: it is broken');
    const device = new FakeDevice(this, name);
    this.devices.add(device);
    return device;
  }

  allocate(length: number): AdapterBuffer {
    const bytes = new Uint8Array(length);
    const address = this.#reserve(length);
    this.#buffers.set(bytes, address);
    return { address, bytes, release: () => this.#buffers.delete(bytes) };
  }

  statusText(status: number): string {
    const texts: Record<number, string> = {
      [CompletionStatus.LOC_PROT_ERR]: 'local protection error',
      [CompletionStatus.REM_ACCESS_ERR]: 'remote access error',
      [CompletionStatus.RETRY_EXC_ERR]: 'transport retries exceeded',
      [CompletionStatus.WR_FLUSH_ERR]: 'work request flushed',
    };
    return texts[status] ?? `status ${status}`;
  }

  /** The adapters are pulled out. */
  removeDevices(): void {
    for (const device of [...this.devices]) device.remove();
  }

  number(): number {
    return this.#nextNumber++;
  }

  addressOf(bytes: Uint8Array): number {
    return this.#buffers.get(bytes) ?? this.#reserve(bytes.length);
  }

  #reserve(length: number): number {
    const address = this.#nextAddress;
    this.#nextAddress += Math.ceil((length + 1) / PAGE_BYTES) * PAGE_BYTES;
    return address;
  }
}

class FakeRegion implements MemoryRegion {
  readonly address: number;
  readonly localKey: number;
  readonly bytes: Uint8Array;
  readonly access: MemoryRegionAccess;
  readonly domain: FakeDomain;

  constructor(domain: FakeDomain, bytes: Uint8Array, access: MemoryRegionAccess) {
    this.domain = domain;
    this.bytes = bytes;
    this.access = access;
    this.address = domain.fabric.addressOf(bytes);
    this.localKey = domain.fabric.number();
    domain.fabric.regions.set(this.localKey, this);
  }

  get remoteKey(): number {
    return this.localKey;
  }

  close(): void {
    this.domain.fabric.regions.delete(this.localKey);
  }

  /** The bytes at an address of this region; `undefined` outside of it. */
  at(address: number, length: number): Uint8Array | undefined {
    const offset = address - this.address;
    if (offset < 0 || offset + length > this.bytes.length) return undefined;
    return this.bytes.subarray(offset, offset + length);
  }
}

class FakeDomain implements ProtectionDomain {
  readonly fabric: FakeFabric;
  readonly device: FakeDevice;

  constructor(fabric: FakeFabric, device: FakeDevice) {
    this.fabric = fabric;
    this.device = device;
  }

  register(memory: Uint8Array, access: MemoryRegionAccess): MemoryRegion {
    const { maxPinned = Number.POSITIVE_INFINITY } = this.fabric.faults;
    if (memory.length > maxPinned) throw new Error('ibv_reg_mr failed: ENOMEM, raise ulimit -l');
    const region = new FakeRegion(this, memory, access);
    this.device.regions.add(region);
    return region;
  }

  createQueuePair(options: QueuePairOptions): QueuePair {
    const pair = new FakeQueuePair(this, options);
    this.device.pairs.add(pair);
    return pair;
  }
}

class FakeQueue implements CompletionQueue {
  #waiting: Completion[] = [];
  #current: Completion[] = [];
  #handler: ((count: number) => void) | undefined;
  #scheduled = false;

  start(handler: (count: number) => void): void {
    this.#handler = handler;
    this.#schedule();
  }

  add(completion: Completion): void {
    this.#waiting.push(completion);
    this.#schedule();
  }

  poll(): number {
    if (this.#waiting.length === 0 || this.#handler === undefined) return 0;
    this.#current = this.#waiting.splice(0, 16);
    const { length } = this.#current;
    this.#handler(length);
    if (this.#waiting.length > 0) this.#schedule();
    return length;
  }

  stop(): void {
    this.#handler = undefined;
    this.#waiting = [];
  }

  id(i: number): number {
    return this.#at(i).id;
  }

  status(i: number): number {
    return this.#at(i).status;
  }

  byteLength(i: number): number {
    return this.#at(i).byteLength;
  }

  immediate(i: number): number | undefined {
    return this.#at(i).immediate;
  }

  #at(i: number): Completion {
    return this.#current[i] as Completion;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.poll();
    });
  }
}

class FakeDevice implements RdmaDevice {
  readonly name: string;
  readonly attributes = { maxQpWr: 1024 };
  readonly fabric: FakeFabric;
  readonly regions = new Set<FakeRegion>();
  readonly pairs = new Set<FakeQueuePair>();
  readonly #queues: FakeQueue[] = [];
  #listener: (event: { readonly code: DeviceEventCode }) => void = () => {};

  constructor(fabric: FakeFabric, name: string) {
    this.fabric = fabric;
    this.name = name;
  }

  createProtectionDomain(): ProtectionDomain {
    return new FakeDomain(this.fabric, this);
  }

  createCompletionQueue(): CompletionQueue {
    const queue = new FakeQueue();
    this.#queues.push(queue);
    return queue;
  }

  onEvent(listener: (event: { readonly code: DeviceEventCode }) => void): () => void {
    this.#listener = listener;
    return () => {
      this.#listener = () => {};
    };
  }

  remove(): void {
    for (const pair of this.pairs) pair.dead = true;
    this.#listener({ code: 'DEVICE_FATAL' });
  }

  close(): void {
    for (const pair of this.pairs) {
      pair.dead = true;
      this.fabric.queuePairs.delete(pair.parameters.queuePair);
    }
    for (const region of this.regions) region.close();
    for (const queue of this.#queues) queue.stop();
    this.fabric.devices.delete(this);
  }
}

class FakeQueuePair implements QueuePair {
  readonly maxInline = 64;
  readonly parameters: QueuePairParameters;
  dead = false;
  #expected = 0;
  readonly #domain: FakeDomain;
  readonly #options: QueuePairOptions;
  readonly #receives: Required<ReceiveRequest>[] = [];
  #work: Work[] = [];
  #remote: number | undefined;
  #scheduled = false;
  #failed = false;

  constructor(domain: FakeDomain, options: QueuePairOptions) {
    this.#domain = domain;
    this.#options = options;
    const { fabric } = domain;
    const queuePair = fabric.number();
    const gid = '::ffff:127.0.0.1';
    // They begin anew after 2^24.
    const fixed = { packetSequence: 2 ** 24 - 5, lid: 0, mtuBytes: 1024, maxReads: 16 };
    this.parameters = { queuePair, gid, ...fixed };
    fabric.queuePairs.set(queuePair, this);
  }

  connect(remote: QueuePairParameters): void {
    this.#remote = remote.queuePair;
    this.#expected = remote.packetSequence;
  }

  postReceive(request: ReceiveRequest): void {
    if (this.#receives.length >= this.#options.maxReceive) throw new Error('too many receives');
    // Copied, as an adapter does: its owner uses it again.
    this.#receives.push({ ...NO_MEMORY, ...request });
  }

  postSend(request: SendRequest): void {
    if (request.immediate === undefined) throw new Error('every message carries credits');
    const { immediate } = request;
    this.#post({ kind: 'send', ...NO_MEMORY, ...NO_REMOTE, ...request, immediate });
  }

  postWrite(request: WriteRequest): void {
    this.#post({ kind: 'write', ...NO_MEMORY, ...request, immediate: 0 });
  }

  postRead(request: ReadRequest): void {
    this.#post({ kind: 'read', ...NO_MEMORY, ...request, immediate: 0 });
  }

  /** It sent something while nothing arrived: nothing of it does any more. */
  unheard = false;

  #post(work: Work): void {
    if (this.dead) throw new Error('ibv_post_send failed: EIO');
    if (this.#work.length >= this.#options.maxSend) throw new Error('too much work posted');
    if ((work.flags & SendFlag.INLINE) !== 0 && work.length > this.maxInline)
      throw new Error('too long');
    this.#work.push(work);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #run(): void {
    const { fabric } = this.#domain;
    for (let work = this.#work[0]; work !== undefined && !this.dead; work = this.#work[0]) {
      if (this.#failed) {
        this.#complete(work, CompletionStatus.WR_FLUSH_ERR);
      } else if (fabric.faults.black || this.unheard) {
        this.unheard = true;
        return;
      } else {
        const peer = this.#remote === undefined ? undefined : fabric.queuePairs.get(this.#remote);
        const status =
          peer === undefined ? CompletionStatus.RETRY_EXC_ERR : this.#carryOut(work, peer);
        if (status === undefined) {
          this.#schedule();
          return;
        }
        if (status === CompletionStatus.SUCCESS) peer?.count(work.length);
        this.#complete(work, status);
        if (status !== CompletionStatus.SUCCESS) {
          this.#failed = true;
          if (status === CompletionStatus.REM_ACCESS_ERR) peer?.fail();
        }
      }
      this.#work.shift();
    }
  }

  /** What came of it; `undefined` while the peer is not ready to receive. */
  #carryOut(work: Work, peer: FakeQueuePair): number | undefined {
    const local = this.#local(work);
    if (local === undefined) return CompletionStatus.LOC_PROT_ERR;
    if (work.kind === 'send')
      return peer.receive(local, work.immediate) ? CompletionStatus.SUCCESS : undefined;
    const region = this.#domain.fabric.regions.get(work.remoteKey);
    const writes = work.kind === 'write';
    const allowed = writes ? region?.access.remoteWrite : region?.access.remoteRead;
    const remote =
      region?.domain === peer.#domain ? region.at(work.remoteAddress, work.length) : undefined;
    if (!allowed || remote === undefined) return CompletionStatus.REM_ACCESS_ERR;
    if (writes) remote.set(local);
    else local.set(remote);
    this.#domain.fabric.transfers++;
    return CompletionStatus.SUCCESS;
  }

  /** A message comes in. Returns whether there was room for it. */
  receive(data: Uint8Array, immediate: number): boolean {
    const receive = this.#receives.shift();
    if (receive === undefined) return false;
    this.#local(receive)?.set(data);
    const completion = {
      id: receive.id,
      status: CompletionStatus.SUCCESS,
      byteLength: data.length,
      immediate,
    };
    (this.#options.receiveQueue as FakeQueue).add(completion);
    return true;
  }

  /** Packets came in. */
  count(bytes: number): void {
    const packets = Math.max(1, Math.ceil(bytes / this.parameters.mtuBytes));
    this.#expected = (this.#expected + packets) % 2 ** 24;
  }

  expectedPacket(): number {
    if (this.dead) throw new Error('ibv_query_qp failed: EIO');
    return this.#expected;
  }

  /** The peer did what it must not do, or this side has had enough. */
  fail(): void {
    this.#failed = true;
    for (const { id } of this.#receives.splice(0)) {
      const completion = {
        id,
        status: CompletionStatus.WR_FLUSH_ERR,
        byteLength: 0,
        immediate: undefined,
      };
      (this.#options.receiveQueue as FakeQueue).add(completion);
    }
  }

  #local({ localKey, address, length }: Required<ReceiveRequest>): Uint8Array | undefined {
    return this.#domain.fabric.regions.get(localKey)?.at(address, length);
  }

  #complete({ id, flags }: Work, status: number): void {
    if (status === CompletionStatus.SUCCESS) {
      if (this.#domain.fabric.faults.unacknowledged) return;
      if ((flags & SendFlag.SIGNALED) === 0) return;
    }
    const completion = { id, status, byteLength: 0, immediate: undefined };
    (this.#options.sendQueue as FakeQueue).add(completion);
  }
}
