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

/** A vector was raised `count` times since it was last reported. */
export interface RaisedInterrupt {
  readonly vector: number;
  readonly count: number;
}

export interface InterruptsOptions {
  /** Aborts the iteration, which rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Interrupts as they arrive. Ending the iteration (`break`, `return()`) disables them. */
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
  /** The connection below the session. */
  readonly connection: Connection;
  /** The server's VERSION reply. */
  readonly version: Version;
  /** The server's capabilities. */
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
  /** A posted write, without a reply. Await {@link drained} when this returns `false`. */
  regionWritePosted(region: number, offset: number, data: Uint8Array): boolean;
  /** Resolves when there is room for posted writes, or when the connection has ended. */
  drained(): Promise<void>;
  /** Map the mappable areas of a region. The caller closes it. */
  mapRegion(index: number, options?: CallOptions): Promise<MappedRegion>;
  /**
   * The ioeventfds of a region, which are signalled instead of writing a register. The caller
   * closes them.
   */
  doorbells(region: number, options?: CallOptions): Promise<readonly Doorbell[]>;

  /** Guest memory: shareable where the transport passes descriptors, private otherwise. */
  allocateMemory(length: number): GuestMemory;
  /**
   * Map memory for the device (DMA_MAP). Mapping an identical range again changes nothing. After an
   * abort the range is unmapped again.
   * @throws {RequestRefusedError} EEXIST when it overlaps another range.
   */
  dmaMap(options: DmaMapOptions): Promise<void>;
  /** Unmap memory; the device cannot reach it once this resolves. */
  dmaUnmap(address: Iova, size: number, options?: CallOptions): Promise<void>;
  dmaUnmapAll(options?: CallOptions): Promise<void>;

  irqInfo(index: number, options?: CallOptions): Promise<IrqInfo>;
  /**
   * Enable vectors 0 to `count` - 1 of an interrupt index. If the server refuses, nothing changes;
   * after an abort the index is disabled.
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
   * Like {@link enableInterrupts}, as an iterator. Pending interrupts of one vector are reported
   * together. Ends with the connection.
   */
  interrupts(index: number, count: number, options?: InterruptsOptions): Promise<RaisedInterrupts>;

  reset(options?: CallOptions): Promise<void>;
  /**
   * Send any request. `pick` reads the reply while its memory is valid, and removes the descriptors
   * it keeps from `received`; the rest are closed.
   */
  call<C extends KnownCommand, T>(
    command: C,
    body: RequestBodies[C],
    pick: (body: ReplyBodies[C], received: Descriptor[]) => T,
    descriptors?: readonly Descriptor[],
    options?: CallOptions,
  ): Promise<T>;

  /** Close the connection once what is queued is sent. Mappings and interrupts end with it. */
  close(): Promise<void>;
}
