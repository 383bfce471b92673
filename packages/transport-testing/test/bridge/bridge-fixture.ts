import { setImmediate } from 'node:timers/promises';
import {
  type Bridge,
  type BridgeOptions,
  Command,
  type ConnectOptions,
  connectDevice,
  type DeviceClient,
  type DeviceServer,
  type FrameSink,
  type ServerLimits,
  serve,
  startBridge,
  TransportRegistry,
} from '@vfio-user/core';
import {
  connectUri,
  type NegotiatedConnection,
  OWN_CAPABILITIES,
  offer,
} from '@vfio-user/core/internal';
import { bench } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import { type MemoryTransport, memoryTransport } from '@vfio-user/transport-memory';
import type { Test } from 'tap';
import { type Script, ScriptedDevice } from './scripted-device.js';

export const PORTABLE = '?encoding=portable';
export const VECTORS = 8;

export interface FixtureOptions extends Partial<Omit<BridgeOptions, 'registry'>> {
  /** Which encoding the clients speak; native when absent. */
  readonly near?: typeof PORTABLE;
  /** Which encoding the device speaks; portable when absent. */
  readonly far?: '';
  /** Most descriptors in one message. */
  readonly maxDescriptors?: number;
}

/** A bridge, and places for a device behind it and clients in front of it. */
export class BridgeFixture {
  readonly transport: MemoryTransport;
  readonly registry: TransportRegistry;
  readonly deviceUri: string;
  readonly #t: Test;
  #bridge: Bridge | undefined;

  private constructor(t: Test, far: string, transport: MemoryTransport) {
    this.#t = t;
    this.deviceUri = `memory:device${far}`;
    this.transport = transport;
    this.registry = new TransportRegistry([transport]);
  }

  static async open(t: Test, options: FixtureOptions = {}): Promise<BridgeFixture> {
    const { near = '', far = PORTABLE, maxDescriptors = 16, ...rest } = options;
    const transport = memoryTransport({ orderedNotifications: false, maxDescriptors });
    const fixture = new BridgeFixture(t, far, transport);
    fixture.#bridge = await startBridge({
      registry: fixture.registry,
      listen: `memory:bridge${near}`,
      connect: fixture.deviceUri,
      ...rest,
    });
    t.teardown(() => fixture.bridge.close());
    return fixture;
  }

  get bridge(): Bridge {
    if (this.#bridge === undefined) throw new Error('the bridge was not started');
    return this.#bridge;
  }

  async serveBench(limits: Partial<ServerLimits> = {}): Promise<DeviceServer> {
    const server = await serve({
      definition: bench,
      options: { memory: 2 ** 20, vectors: VECTORS },
      registry: this.registry,
      listen: this.deviceUri,
      limits,
    });
    this.#t.teardown(() => server.close());
    return server;
  }

  async script(script?: Script): Promise<ScriptedDevice> {
    const device = await ScriptedDevice.listen(this.registry, this.deviceUri, script);
    this.#t.teardown(() => device.vanish());
    return device;
  }

  async connect(options: Partial<ConnectOptions> = {}): Promise<DeviceClient> {
    const client = await connectDevice(this.bridge.uri, { registry: this.registry, ...options });
    this.#t.teardown(() => client.close());
    return client;
  }

  /** A connection to the bridge on which nothing has been said. */
  connectRaw(
    peer: FrameSink = { onFrame() {}, onDrain() {}, onClose() {} },
  ): Promise<NegotiatedConnection> {
    const accept = (opened: NegotiatedConnection) => ({ ...opened, peer });
    return connectUri(this.registry, this.bridge.uri, accept, {
      maxDataXferSize: 4096,
      silenceMs: 0,
    });
  }

  /** A connection to the bridge on which VERSION was said. */
  async ask(): Promise<NegotiatedConnection> {
    const opened = await this.connectRaw();
    const { head, data } = opened.negotiated.encoding.encodeRequest(
      Command.VERSION,
      1,
      offer(OWN_CAPABILITIES),
    );
    opened.connection.send(head, data);
    return opened;
  }

  async drive(options: Partial<ConnectOptions> = {}): Promise<TestDeviceDriver> {
    return new TestDeviceDriver(await this.connect(options));
  }
}

/** Lets everybody have a few turns: for what must not happen. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await setImmediate();
}

/** Looks again and again, each time after everybody had a turn. */
export async function eventually(look: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await look())) await setImmediate();
}
