import type { Iova } from '../address.js';
import { type DmaMapOptions, DmaMappings } from '../device-end/dma-mappings.js';
import { DeviceDoorbells, type Doorbell } from '../device-end/doorbells.js';
import { allocateGuestMemory, type GuestMemory } from '../device-end/guest-memory.js';
import type { DeviceInterrupts, InterruptHandler } from '../device-end/interrupts.js';
import { DeviceRegions, type MappedRegion } from '../device-end/regions.js';
import type { Capabilities } from '../protocol/capabilities.js';
import { Command } from '../protocol/enums.js';
import type {
  DeviceInfo,
  IrqInfo,
  KnownCommand,
  RegionInfo,
  ReplyBodies,
  RequestBodies,
  Version,
} from '../protocol/messages.js';
import { IRQ_INFO_BYTES } from '../protocol/struct-sizes.js';
import { type CallOptions, call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import { abortable } from '../transport/abort.js';
import { closeAll, type Descriptor } from '../transport/resources.js';
import type { Connection } from '../transport/transport.js';
import type { ClientSession } from './client-session.js';
import {
  type InterruptsOptions,
  iterateInterrupts,
  type RaisedInterrupts,
} from './iterate-interrupts.js';

/**
 * A vfio-user client: what a virtual machine monitor is to a device. Requests are promises and may
 * be issued without waiting for each other. Each rejects with a `RemoteError` when the server
 * refuses, and with `VFU_PEER_CLOSED` or `VFU_TIMEOUT` when it does not answer. An aborted one
 * rejects at once with the reason of its signal.
 */
export class DeviceClient implements AsyncDisposable {
  /** Resolves when the connection has ended; the error is absent after an orderly end. */
  readonly closed: Promise<Error | undefined>;
  /** The connection below the session. */
  readonly connection: Connection;
  /** The server's VERSION reply. */
  readonly version: Version;
  /** The server's capabilities. */
  readonly server: Capabilities;
  readonly info: DeviceInfo;
  /**
   * How long the server keeps the session of a client whose connection was lost, ms; 0: it ends
   * with its connection. Whether this one is kept is up to its own `resumes` as well.
   */
  readonly holdMs: number;
  readonly #peer: Peer;
  readonly #interrupts: DeviceInterrupts;
  readonly #memory: DmaMappings;
  readonly #regions: DeviceRegions;
  readonly #doorbells: DeviceDoorbells;

  constructor(
    session: ClientSession,
    { version, server, info }: Pick<DeviceClient, 'version' | 'server' | 'info'>,
  ) {
    const { peer, space, interrupts, maxDataXferSize } = session;
    const { mappings, pushes } = session.device;
    this.closed = session.closed;
    this.connection = peer.connection;
    this.version = version;
    this.server = server;
    this.info = info;
    this.holdMs = peer.negotiated.serverHoldMs;
    this.#peer = peer;
    this.#interrupts = interrupts;
    this.#memory = new DmaMappings(peer, space, mappings);
    this.#regions = new DeviceRegions(peer, pushes, maxDataXferSize);
    this.#doorbells = new DeviceDoorbells(peer, maxDataXferSize);
  }

  regionInfo(index: number, options?: CallOptions): Promise<RegionInfo> {
    return abortable(options?.signal, () => this.#regions.info(index));
  }

  regionRead(
    region: number,
    offset: number,
    count: number,
    options?: CallOptions,
  ): Promise<Uint8Array> {
    const fault = accessFault(region, offset, count);
    if (fault !== undefined) return Promise.reject(fault);
    return this.#regions.read(region, offset, count, options);
  }

  regionWrite(
    region: number,
    offset: number,
    data: Uint8Array,
    options?: CallOptions,
  ): Promise<void> {
    const fault = accessFault(region, offset, data.length);
    if (fault !== undefined) return Promise.reject(fault);
    return this.#regions.write(region, offset, data, options);
  }

  /** A posted write, without a reply. Await {@link drained} when this returns `false`. */
  regionWritePosted(region: number, offset: number, data: Uint8Array): boolean {
    const fault = accessFault(region, offset, data.length);
    if (fault !== undefined) throw fault;
    return this.#regions.post(region, offset, data);
  }

  /** Resolves when there is room for posted writes, or when the connection has ended. */
  drained(): Promise<void> {
    return this.#peer.drained();
  }

  /** Map the mappable areas of a region. The caller closes it. */
  mapRegion(index: number, options?: CallOptions): Promise<MappedRegion> {
    return abortable(
      options?.signal,
      () => this.#regions.map(index),
      (mapped) => mapped.close(),
    );
  }

  /**
   * The ioeventfds of a region, which are signalled instead of writing a register. The caller
   * closes them.
   */
  doorbells(region: number, options?: CallOptions): Promise<readonly Doorbell[]> {
    return abortable(options?.signal, () => this.#doorbells.of(region), closeAll);
  }

  /** Guest memory: shareable where the transport passes descriptors, private otherwise. */
  allocateMemory(length: number): GuestMemory {
    return allocateGuestMemory(this.connection.resources, length);
  }

  /**
   * Map memory for the device (DMA_MAP). Mapping an identical range again changes nothing. After an
   * abort the range is unmapped again.
   * @throws {RequestRefusedError} EEXIST when it overlaps another range.
   */
  dmaMap(options: DmaMapOptions): Promise<void> {
    return abortable(options.signal, () => this.#memory.map(options));
  }

  /** Unmap memory; the device cannot reach it once this resolves. */
  dmaUnmap(address: Iova, size: number, options?: CallOptions): Promise<void> {
    return abortable(options?.signal, () => this.#memory.unmap(address, size));
  }

  dmaUnmapAll(options?: CallOptions): Promise<void> {
    return abortable(options?.signal, () => this.#memory.unmapAll());
  }

  irqInfo(index: number, options?: CallOptions): Promise<IrqInfo> {
    const body = { argsz: IRQ_INFO_BYTES, index };
    return this.call(Command.DEVICE_GET_IRQ_INFO, body, (info) => info, undefined, options);
  }

  /**
   * Enable vectors 0 to `count` - 1 of an interrupt index. If the server refuses, nothing changes;
   * after an abort the index is disabled.
   */
  enableInterrupts(
    index: number,
    count: number,
    handler: InterruptHandler,
    options?: CallOptions,
  ): Promise<void> {
    return abortable(
      options?.signal,
      () => this.#interrupts.enable(index, count, handler, this.server),
      // This fails if the connection ends, which disables them as well.
      () => void this.#interrupts.disable(index).catch(() => {}),
    );
  }

  disableInterrupts(index: number, options?: CallOptions): Promise<void> {
    return abortable(options?.signal, () => this.#interrupts.disable(index));
  }

  /** End of interrupt for a line that masks itself when it fires (INTx). */
  unmaskInterrupt(index: number, vector = 0, options?: CallOptions): Promise<void> {
    return abortable(options?.signal, () => this.#interrupts.unmask(index, vector));
  }

  /**
   * Like {@link enableInterrupts}, as an iterator. Pending interrupts of one vector are reported
   * together. Ends with the connection.
   */
  interrupts(
    index: number,
    count: number,
    { signal }: InterruptsOptions = {},
  ): Promise<RaisedInterrupts> {
    return iterateInterrupts(
      {
        closed: this.closed,
        enable: (handler) => this.enableInterrupts(index, count, handler, { signal }),
        disable: () => this.disableInterrupts(index),
      },
      signal,
    );
  }

  reset(options?: CallOptions): Promise<void> {
    return this.call(Command.DEVICE_RESET, undefined, () => undefined, undefined, options);
  }

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
  ): Promise<T> {
    return call(this.#peer, command, body, pick, descriptors, options);
  }

  /** Close the connection once what is queued is sent. Mappings and interrupts end with it. */
  async close(): Promise<void> {
    await this.#peer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.closed;
  }
}

/** Why these are no arguments of a region access: the fields of a message would cut them off. */
function accessFault(region: number, offset: number, count: number): RangeError | undefined {
  if (region >>> 0 === region && count >>> 0 === count && Number.isSafeInteger(offset)) {
    if (offset >= 0) return undefined;
  }
  return new RangeError(
    `region ${region}, offset ${offset}, ${count} bytes: expected whole numbers from 0, ` +
      'below 2^53 the offset, below 2^32 the others',
  );
}
