import type { Iova } from '../address.js';
import type { DmaMapOptions } from '../device-end/dma-mappings.js';
import type { Doorbell } from '../device-end/doorbells.js';
import type { GuestMemory } from '../device-end/guest-memory.js';
import type { InterruptHandler } from '../device-end/interrupts.js';
import type { MappedRegion } from '../device-end/regions.js';
import type { Capabilities } from '../protocol/capabilities.js';
import type {
  DeviceInfo,
  IrqInfo,
  KnownCommand,
  RegionInfo,
  ReplyBodies,
  RequestBodies,
  Version,
} from '../protocol/messages.js';
import type { CallOptions } from '../session/call.js';
import type { Descriptor } from '../transport/resources.js';
import type { Connection } from '../transport/transport.js';

/** A vector was raised, `count` times since it was last told of. */
export interface RaisedInterrupt {
  readonly vector: number;
  readonly count: number;
}

export interface InterruptsOptions {
  /** Ends the iteration, which rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Interrupts as they come. To end the iteration, by `break` or `return()`, switches them off. */
export interface RaisedInterrupts extends AsyncIterableIterator<RaisedInterrupt>, AsyncDisposable {}

/**
 * A vfio-user client: what a virtual machine monitor is to a device. Requests are promises and may
 * be issued without waiting for each other. Each rejects with a `RemoteError` when the server
 * refuses, and with `VFU_PEER_CLOSED` or `VFU_TIMEOUT` when it does not answer. An aborted one
 * rejects at once with the reason of its signal.
 */
export interface DeviceClient extends AsyncDisposable {
  /** Resolves when the connection has ended; the error is absent after an orderly end. */
  readonly closed: Promise<Error | undefined>;
  /** What it runs over. */
  readonly connection: Connection;
  /** What was negotiated: the server's VERSION reply. */
  readonly version: Version;
  /** What the server said it can do. */
  readonly server: Capabilities;
  readonly info: DeviceInfo;

  regionInfo(index: number, options?: CallOptions): Promise<RegionInfo>;
  regionRead(
    region: number,
    offset: number,
    count: number,
    options?: CallOptions,
  ): Promise<Uint8Array>;
  regionWrite(
    region: number,
    offset: number,
    data: Uint8Array,
    options?: CallOptions,
  ): Promise<void>;
  /** A write that is not answered. Await {@link drained} when this returns `false`. */
  regionWritePosted(region: number, offset: number, data: Uint8Array): boolean;
  /** Resolves when there is room for posted writes, or when the connection has ended. */
  drained(): Promise<void>;
  /** Map what the server lets us map of a region. The caller closes it. */
  mapRegion(index: number, options?: CallOptions): Promise<MappedRegion>;
  /** What can be rung in place of writing a register of the region. The caller closes them. */
  doorbells(region: number, options?: CallOptions): Promise<readonly Doorbell[]>;

  /** Guest memory: shareable where the transport passes descriptors, private otherwise. */
  allocateMemory(length: number): GuestMemory;
  /**
   * Let the device reach memory. Mapping a range a second time, exactly as it is, changes nothing.
   * After an abort the server is made to give back what it maps all the same.
   * @throws {RequestRefusedError} EEXIST when it overlaps another in any other way.
   */
  dmaMap(options: DmaMapOptions): Promise<void>;
  /** The device can no longer reach it when this resolves. */
  dmaUnmap(address: Iova, size: number, options?: CallOptions): Promise<void>;
  dmaUnmapAll(options?: CallOptions): Promise<void>;

  irqInfo(index: number, options?: CallOptions): Promise<IrqInfo>;
  /**
   * NegotiatedEncoding up vectors 0 to `count` - 1 of an interrupt index. If the server refuses, everything is as
   * it was before; after an abort the index is switched off.
   */
  enableInterrupts(
    index: number,
    count: number,
    handler: InterruptHandler,
    options?: CallOptions,
  ): Promise<void>;
  disableInterrupts(index: number, options?: CallOptions): Promise<void>;
  /** End of interrupt for a line that masks itself when it fires (INTx). */
  unmaskInterrupt(index: number, vector?: number, options?: CallOptions): Promise<void>;
  /**
   * The same as {@link enableInterrupts}, to be iterated over. Those of a vector that were not taken
   * yet are told of together. It ends with the connection.
   */
  interrupts(index: number, count: number, options?: InterruptsOptions): Promise<RaisedInterrupts>;

  reset(options?: CallOptions): Promise<void>;
  /**
   * Any request at all. `pick` takes what is wanted out of the reply before the reply's memory is
   * reused, and the descriptors it keeps out of `received`; those that are left are closed.
   */
  call<C extends KnownCommand, T>(
    command: C,
    body: RequestBodies[C],
    pick: (body: ReplyBodies[C], received: Descriptor[]) => T,
    descriptors?: readonly Descriptor[],
    options?: CallOptions,
  ): Promise<T>;

  /** End the connection after what is queued. What is mapped and wired up goes with it. */
  close(): Promise<void>;
}
