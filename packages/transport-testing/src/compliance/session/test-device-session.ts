import { setImmediate } from 'node:timers/promises';
import {
  type ConnectOptions,
  connectDevice,
  type DeviceClient,
  type DeviceServer,
  type GuestMemory,
  type Iova,
  type ServerLimits,
  serve,
} from '@vfio-user/core';
import { bench } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import type { Test } from 'tap';
import type { Need } from '../suite.js';
import { type Route, routeTo, type SessionPlace } from './route.js';

/** What the device under test is made with. */
export const VECTORS = 8;
export const DEVICE_MEMORY_BYTES = 2 ** 20;

/** Small, so that transfers are cut even where the test's memory is small. */
export const MAX_TRANSFER_BYTES = 65_536;

export interface SessionConnectOptions extends Partial<ConnectOptions> {
  /** Another way to the server than its own address. */
  readonly uri?: string;
}

/** A served bench device and clients of it; all ends with the test. */
export class TestDeviceSession {
  readonly server: DeviceServer;
  readonly #route: Route;
  readonly #place: SessionPlace;
  readonly #t: Test;

  private constructor(t: Test, place: SessionPlace, server: DeviceServer, route: Route) {
    this.#t = t;
    this.#place = place;
    this.#route = route;
    this.server = server;
  }

  static async open(
    t: Test,
    place: SessionPlace,
    limits: Partial<ServerLimits> = {},
  ): Promise<TestDeviceSession> {
    const server = await serve({
      definition: bench,
      options: { memory: DEVICE_MEMORY_BYTES, vectors: VECTORS },
      registry: place.registry,
      listen: place.fixture.address(),
      limits,
    });
    t.teardown(() => server.close());
    return new TestDeviceSession(t, place, server, await routeTo(t, place, server.uri));
  }

  /** Where clients connect to. */
  get uri(): string {
    return this.#route.uri;
  }

  async connect(options: SessionConnectOptions = {}): Promise<TestDeviceDriver> {
    const { uri = this.uri, ...rest } = options;
    const client = await connectDevice(uri, {
      registry: this.#place.registry,
      capabilities: { maxDataXferSize: MAX_TRANSFER_BYTES },
      ...rest,
    });
    this.#t.teardown(() => client.close());
    return new TestDeviceDriver(client);
  }

  /** Resolves once so many clients wait for their turn, at the server or on the way to it. */
  async waiting(count: number): Promise<void> {
    while (this.server.statistics().clientsWaiting !== count) await setImmediate();
  }

  /** Resolves once the server has let go of its last client. */
  async idle(): Promise<void> {
    const isIdle = (): boolean => this.#route.idle && this.server.statistics().client === 'none';
    while (!isIdle()) await setImmediate();
  }
}

/** A device and one client: what most tests need. */
export async function openTestDevice(t: Test, place: SessionPlace): Promise<TestDeviceDriver> {
  const session = await TestDeviceSession.open(t, place);
  return session.connect();
}

export interface GuestRange {
  readonly address: Iova;
  readonly length: number;
  /** Whether the device may map it, rather than ask by message. */
  readonly share: boolean;
  readonly readable?: boolean;
  readonly writable?: boolean;
}

/** Allocate guest memory and let the device reach it. */
export async function mapGuest(client: DeviceClient, range: GuestRange): Promise<GuestMemory> {
  const memory = client.allocateMemory(range.length);
  await client.dmaMap({ ...range, memory });
  return memory;
}

/** A copy of `[offset, offset + length)`. */
export function bytesIn(memory: GuestMemory, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  memory.read(offset, bytes);
  return bytes;
}

/** How the device reaches guest memory: every DMA test runs once for each that is possible. */
export interface DmaMode {
  readonly name: string;
  readonly share: boolean;
  readonly needs: readonly Need[];
}

export const dmaModes: readonly DmaMode[] = [
  { name: 'shared memory', share: true, needs: ['sharedMemory'] },
  { name: 'one-sided access', share: true, needs: ['oneSidedMemory'] },
  { name: 'messages', share: false, needs: [] },
];
