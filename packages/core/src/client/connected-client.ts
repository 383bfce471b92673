import type { Iova } from '../address.js';
import { type DmaMapOptions, DmaMappings } from '../device-end/dma-mappings.js';
import { DeviceDoorbells, type Doorbell } from '../device-end/doorbells.js';
import { allocateGuestMemory, type GuestMemory } from '../device-end/guest-memory.js';
import type { DeviceInterrupts, InterruptHandler } from '../device-end/interrupts.js';
import { DeviceRegions, type MappedRegion } from '../device-end/regions.js';
import type { Capabilities } from '../protocol/capabilities.js';
import { Command } from '../protocol/constants.js';
import type {
  DeviceInfo,
  IrqInfo,
  KnownCommand,
  RegionInfo,
  ReplyBodies,
  RequestBodies,
  Version,
} from '../protocol/messages.js';
import { type CallOptions, call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import { abortable } from '../transport/abort.js';
import type { Descriptor } from '../transport/resources.js';
import type { Connection } from '../transport/transport.js';
import type { ClientSession } from './client-session.js';
import type { DeviceClient, InterruptsOptions, RaisedInterrupts } from './device-client.js';
import { iterateInterrupts } from './iterate-interrupts.js';

const INFO_BYTES = 16;

/** What the server announced at the start. */
export interface ServerDescription {
  readonly version: Version;
  readonly server: Capabilities;
  readonly info: DeviceInfo;
}

/** See {@link DeviceClient}. */
export class ConnectedClient implements DeviceClient {
  readonly closed: Promise<Error | undefined>;
  readonly connection: Connection;
  readonly version: Version;
  readonly server: Capabilities;
  readonly info: DeviceInfo;
  readonly #peer: Peer;
  readonly #interrupts: DeviceInterrupts;
  readonly #memory: DmaMappings;
  readonly #regions: DeviceRegions;
  readonly #doorbells: DeviceDoorbells;

  constructor(session: ClientSession, { version, server, info }: ServerDescription) {
    const { peer, space, interrupts, maxDataXferSize } = session;
    const { mappings, pushes } = session.device;
    this.closed = session.closed;
    this.connection = peer.connection;
    this.version = version;
    this.server = server;
    this.info = info;
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
    return this.#regions.read(region, offset, count, options);
  }

  regionWrite(
    region: number,
    offset: number,
    data: Uint8Array,
    options?: CallOptions,
  ): Promise<void> {
    return this.#regions.write(region, offset, data, options);
  }

  regionWritePosted(region: number, offset: number, data: Uint8Array): boolean {
    return this.#regions.post(region, offset, data);
  }

  drained(): Promise<void> {
    return this.#peer.drained();
  }

  mapRegion(index: number, options?: CallOptions): Promise<MappedRegion> {
    return abortable(
      options?.signal,
      () => this.#regions.map(index),
      (mapped) => mapped.close(),
    );
  }

  doorbells(region: number, options?: CallOptions): Promise<readonly Doorbell[]> {
    return abortable(
      options?.signal,
      () => this.#doorbells.of(region),
      (doorbells) => {
        for (const doorbell of doorbells) doorbell.close();
      },
    );
  }

  allocateMemory(length: number): GuestMemory {
    return allocateGuestMemory(this.connection.resources, length);
  }

  dmaMap(options: DmaMapOptions): Promise<void> {
    return abortable(options.signal, () => this.#memory.map(options));
  }

  dmaUnmap(address: Iova, size: number, options?: CallOptions): Promise<void> {
    return abortable(options?.signal, () => this.#memory.unmap(address, size));
  }

  dmaUnmapAll(options?: CallOptions): Promise<void> {
    return abortable(options?.signal, () => this.#memory.unmapAll());
  }

  irqInfo(index: number, options?: CallOptions): Promise<IrqInfo> {
    const body = { argsz: INFO_BYTES, index };
    return this.call(Command.DEVICE_GET_IRQ_INFO, body, (info) => info, undefined, options);
  }

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

  unmaskInterrupt(index: number, vector = 0, options?: CallOptions): Promise<void> {
    return abortable(options?.signal, () => this.#interrupts.unmask(index, vector));
  }

  interrupts(
    index: number,
    count: number,
    { signal }: InterruptsOptions = {},
  ): Promise<RaisedInterrupts> {
    return iterateInterrupts(this, index, count, signal);
  }

  reset(options?: CallOptions): Promise<void> {
    return this.call(Command.DEVICE_RESET, undefined, () => undefined, undefined, options);
  }

  call<C extends KnownCommand, T>(
    command: C,
    body: RequestBodies[C],
    pick: (body: ReplyBodies[C], received: Descriptor[]) => T,
    descriptors?: readonly Descriptor[],
    options?: CallOptions,
  ): Promise<T> {
    return call(this.#peer, command, body, pick, descriptors, options);
  }

  async close(): Promise<void> {
    await this.#peer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.closed;
  }
}
