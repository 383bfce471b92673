/**
 * What this transport needs of an RDMA library. `node-rdma-ffi` is one; tests bring another, whose
 * adapters exist in this process only.
 */

/** Whether there is an adapter to use, or why not. */
export type Probe =
  | { readonly available: true; readonly devices: readonly DeviceDescription[] }
  | { readonly available: false; readonly reason: string };

export interface DeviceDescription {
  readonly name: string;
  readonly ports: readonly PortDescription[];
}

export interface PortDescription {
  readonly number: number;
  readonly state: string;
  readonly linkLayer: string;
  readonly gids: readonly GidDescription[];
}

export interface GidDescription {
  readonly index: number;
  /** As an IPv6 address. */
  readonly gid: string;
  readonly type: string;
}

/** Memory outside of JavaScript's heap, which an adapter may use for long. */
export interface Buffer {
  readonly address: number;
  readonly bytes: Uint8Array;
  release(): void;
}

export interface MemoryRegion {
  readonly address: number;
  readonly localKey: number;
  readonly remoteKey: number;
  /** When this returns, the adapter lets nobody touch the memory any more. Idempotent. */
  deregister(): void;
}

export interface RegionAccess {
  readonly localWrite?: boolean;
  readonly remoteRead?: boolean;
  readonly remoteWrite?: boolean;
}

export interface CompletionQueue {
  start(handler: (count: number) => void): void;
  poll(): number;
  id(i: number): number;
  status(i: number): number;
  byteLength(i: number): number;
  immediate(i: number): number | undefined;
}

/** What each end must know of the other's queue pair. */
export interface QueuePairParameters {
  readonly queuePair: number;
  readonly packetSequence: number;
  readonly gid: string;
  readonly lid: number;
  readonly mtuBytes: number;
  readonly maxReads: number;
}

export interface QueuePair {
  /** Most bytes that can be posted inline. */
  readonly maxInline: number;
  readonly parameters: QueuePairParameters;
  connect(remote: QueuePairParameters): void;
  postReceive(id: number, address: number, length: number, localKey: number): void;
  postSendImmediate(
    id: number,
    address: number,
    length: number,
    localKey: number,
    immediate: number,
    flags: number,
  ): void;
  postWrite(
    id: number,
    address: number,
    length: number,
    localKey: number,
    remoteAddress: number,
    remoteKey: number,
    flags: number,
  ): void;
  postRead(
    id: number,
    address: number,
    length: number,
    localKey: number,
    remoteAddress: number,
    remoteKey: number,
    flags: number,
  ): void;
}

export interface QueuePairOptions {
  readonly sendQueue: CompletionQueue;
  readonly receiveQueue: CompletionQueue;
  readonly maxSend: number;
  readonly maxReceive: number;
  readonly maxInline?: number;
  readonly port: number;
  readonly gidIndex: number;
}

export interface ProtectionDomain {
  register(memory: Uint8Array, access: RegionAccess): MemoryRegion;
  createQueuePair(options: QueuePairOptions): QueuePair;
}

/** An opened adapter. */
export interface Device {
  readonly name: string;
  readonly attributes: { readonly maxQpWr: number };
  createProtectionDomain(): ProtectionDomain;
  createCompletionQueue(options: { depth: number; spinUs?: number }): CompletionQueue;
  onEvent(listener: (event: { readonly type: string }) => void): void;
  /** Everything that was made of it goes first. Idempotent. */
  close(): void;
}

export interface Verbs {
  probe(): Probe;
  openDevice(name: string): Device;
  allocate(length: number): Buffer;
  /** The meaning of a completion's status, in words. */
  statusText(status: number): string;
}

/** As in the verbs: what may be asked for with a work request. */
export const SIGNALED = 2;
export const SOLICITED = 4;
export const INLINE = 8;

/** The status of work that was done. */
export const SUCCESS = 0;
/** The status of work that was given up because the queue pair failed before its turn. */
export const FLUSHED = 5;
