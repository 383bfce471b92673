import type { Iova } from '../address.js';
import { DeviceEnd } from '../device-end/device-end.js';
import { ClientDoorbells, type Doorbell } from '../device-end/doorbells.js';
import { allocateGuestMemory, type GuestMemory } from '../device-end/guest-memory.js';
import { ClientInterrupts, type InterruptHandler } from '../device-end/interrupts.js';
import { ClientMemory, type DmaMapOptions } from '../device-end/memory.js';
import { type OpenDeviceOptions, openDevice } from '../device-end/open-device.js';
import { ClientRegions, type MappedRegion } from '../device-end/regions.js';
import { Attachment } from '../diagnostics/attachment.js';
import { VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { DmaSpace } from '../memory/dma-space.js';
import { type Capabilities, DEFAULT_CAPABILITIES } from '../protocol/capabilities.js';
import { Command } from '../protocol/constants.js';
import type {
  DeviceInfo,
  IrqInfo,
  KnownCommand,
  RegionInfo,
  ReplyBodies,
  RequestBodies,
  RequestMessage,
  Version,
} from '../protocol/messages.js';
import { runAll } from '../run-all.js';
import { call } from '../session/call.js';
import { openSession } from '../session/open.js';
import { Peer, type PeerHandlers } from '../session/peer.js';
import type { Descriptor } from '../transport/resources.js';
import type { Connection } from '../transport/transport.js';
import type { DeviceClient, InterruptsOptions, RaisedInterrupts } from './device-client.js';
import { iterateInterrupts } from './iterate-interrupts.js';

const INFO_BYTES = 16;

export interface ConnectedClientOptions {
  /** Where the device is. */
  readonly uri: string;
  readonly logger: Logger;
  readonly timeoutMs: number;
  /** What the server is told of this client. */
  readonly own: Capabilities;
}

/** See {@link DeviceClient}. */
export class ConnectedClient implements DeviceClient, PeerHandlers {
  readonly closed: Promise<Error | undefined>;
  readonly #logger: Logger;
  readonly #attachment: Attachment;
  readonly #peer: Peer;
  readonly #interrupts: ClientInterrupts;
  readonly #memory: ClientMemory;
  readonly #regions: ClientRegions;
  readonly #doorbells: ClientDoorbells;
  readonly #space: DmaSpace;
  readonly #device: DeviceEnd;
  #server: Capabilities = DEFAULT_CAPABILITIES;
  #version: Version | undefined;
  #info: DeviceInfo | undefined;
  #resolveClosed: (error?: Error) => void = () => {};

  constructor(options: ConnectedClientOptions) {
    this.#logger = options.logger;
    this.#attachment = new Attachment(options.uri);
    this.#space = new DmaSpace(this.#attachment, options.logger);
    this.#peer = new Peer(this, {
      logger: options.logger,
      timeoutMs: options.timeoutMs,
      // A server that waits for our DMA replies may leave us waiting meanwhile: keep reading.
      pauseWhenBackedUp: false,
    });
    const { maxDataXferSize } = options.own;
    this.#device = new DeviceEnd({
      space: this.#space,
      maxDataXferSize,
      onInterrupt: (interrupt) => this.#interrupts.onMessage(interrupt),
    });
    const { mappings, pushes } = this.#device;
    this.#interrupts = new ClientInterrupts(this.#peer, () => this.#server);
    this.#memory = new ClientMemory(this.#peer, this.#space, mappings);
    this.#regions = new ClientRegions(this.#peer, pushes, maxDataXferSize);
    this.#doorbells = new ClientDoorbells(this.#peer, maxDataXferSize);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** Connect, and ask what the device is. Called once, by {@link connectDevice}. */
  async start(options: OpenDeviceOptions): Promise<void> {
    const { device } = this.#attachment;
    const { version, capabilities } = await openDevice(this.#peer, device, options);
    this.#attachment.peer = this.#peer.connection.peer;
    this.#server = capabilities;
    this.#version = version;
    this.#info = await openSession(this.#peer.connection, options.signal, () =>
      this.call(Command.DEVICE_GET_INFO, { argsz: INFO_BYTES }, (body) => body),
    );
  }

  get connection(): Connection {
    return this.#peer.connection;
  }

  get version(): Version {
    return started(this.#version);
  }

  get server(): Capabilities {
    return this.#server;
  }

  get info(): DeviceInfo {
    return started(this.#info);
  }

  regionInfo(index: number): Promise<RegionInfo> {
    return this.#regions.info(index);
  }

  regionRead(region: number, offset: number, count: number): Promise<Uint8Array> {
    return this.#regions.read(region, offset, count);
  }

  regionWrite(region: number, offset: number, data: Uint8Array): Promise<void> {
    return this.#regions.write(region, offset, data);
  }

  regionWritePosted(region: number, offset: number, data: Uint8Array): boolean {
    return this.#regions.post(region, offset, data);
  }

  drained(): Promise<void> {
    return this.#peer.drained();
  }

  mapRegion(index: number): Promise<MappedRegion> {
    return this.#regions.map(index);
  }

  doorbells(region: number): Promise<readonly Doorbell[]> {
    return this.#doorbells.of(region);
  }

  allocateMemory(length: number): GuestMemory {
    return allocateGuestMemory(this.#peer.connection.resources, length);
  }

  dmaMap(options: DmaMapOptions): Promise<void> {
    return this.#memory.map(options);
  }

  dmaUnmap(address: Iova, size: number): Promise<void> {
    return this.#memory.unmap(address, size);
  }

  dmaUnmapAll(): Promise<void> {
    return this.#memory.unmapAll();
  }

  irqInfo(index: number): Promise<IrqInfo> {
    return this.call(Command.DEVICE_GET_IRQ_INFO, { argsz: INFO_BYTES, index }, (body) => body);
  }

  enableInterrupts(index: number, count: number, handler: InterruptHandler): Promise<void> {
    return this.#interrupts.enable(index, count, handler);
  }

  disableInterrupts(index: number): Promise<void> {
    return this.#interrupts.disable(index);
  }

  unmaskInterrupt(index: number, vector = 0): Promise<void> {
    return this.#interrupts.unmask(index, vector);
  }

  interrupts(
    index: number,
    count: number,
    { signal }: InterruptsOptions = {},
  ): Promise<RaisedInterrupts> {
    return iterateInterrupts(this, index, count, signal);
  }

  reset(): Promise<void> {
    return this.call(Command.DEVICE_RESET, undefined, () => undefined);
  }

  call<C extends KnownCommand, T>(
    command: C,
    body: RequestBodies[C],
    pick: (body: ReplyBodies[C], received: Descriptor[]) => T,
    descriptors?: readonly Descriptor[],
  ): Promise<T> {
    return call(this.#peer, command, body, pick, descriptors);
  }

  async close(): Promise<void> {
    await this.#peer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.closed;
  }

  onRequest(request: RequestMessage): void {
    this.#device.onRequest(this.#peer, request);
  }

  onClose(error?: Error): void {
    const steps = [() => this.#interrupts.close(), () => this.#space.removeAll()];
    runAll(steps, (err) => this.#logger.error({ err }, 'closed, but not all was given back'));
    this.#resolveClosed(error);
  }
}

function started<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new VfioUserError('VFU_PROTOCOL_VIOLATION', 'the session is not negotiated yet');
  }
  return value;
}
