import type * as rdma from 'node-rdma-ffi';

/**
 * What this transport needs of an RDMA library. `node-rdma-ffi` has more than that; tests bring
 * another, whose adapters exist in this process only.
 */
export interface Verbs {
  probe(): Probe;
  openDevice(name: string): RdmaDevice;
  allocate(length: number): AdapterBuffer;
  /** The meaning of a completion's status, in words. */
  statusText(status: number): string;
}

/** Whether there is an adapter to use, or why not. */
export type Probe =
  | { readonly available: true; readonly devices: readonly DeviceDescription[] }
  | { readonly available: false; readonly reason: string };

export interface DeviceDescription {
  readonly name: string;
  readonly ports: readonly PortDescription[];
}

export type PortDescription = Pick<rdma.PortInfo, 'number' | 'state' | 'gids'>;

/** An opened adapter. */
export interface RdmaDevice {
  readonly name: string;
  readonly attributes: Pick<rdma.DeviceAttributes, 'maxQpWr'>;
  createProtectionDomain(): ProtectionDomain;
  createCompletionQueue(options: rdma.CompletionQueueOptions): CompletionQueue;
  onEvent(listener: (event: { readonly code: rdma.DeviceEventCode }) => void): void;
  /** Everything that was made of it goes first. Idempotent. */
  close(): void;
}

export interface ProtectionDomain {
  register(memory: Uint8Array, access: rdma.MemoryRegionAccess): MemoryRegion;
  createQueuePair(options: QueuePairOptions): QueuePair;
}

export interface QueuePairOptions
  extends Omit<rdma.QueuePairOptions, 'sendQueue' | 'receiveQueue'> {
  readonly sendQueue: CompletionQueue;
  readonly receiveQueue: CompletionQueue;
}

export type QueuePair = Pick<
  rdma.QueuePair,
  | 'maxInline'
  | 'parameters'
  | 'connect'
  | 'postReceive'
  | 'postSend'
  | 'postWrite'
  | 'postRead'
  | 'fail'
  | 'expectedPacket'
>;

export type CompletionQueue = Pick<
  rdma.CompletionQueue,
  'start' | 'poll' | 'id' | 'status' | 'byteLength' | 'immediate'
>;

export type MemoryRegion = Pick<rdma.MemoryRegion, 'address' | 'localKey' | 'remoteKey' | 'close'>;

/** Memory outside of JavaScript's heap, which an adapter may use for long. */
export type AdapterBuffer = Pick<rdma.NativeBuffer, 'address' | 'bytes' | 'release'>;
