import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DeviceServer, type ServerLimits, serve, TransportRegistry } from '@vfio-user/core';
import { createEventFd, createMemoryFile, type FileDescriptor } from '@vfio-user/posix-ffi';
import type { Test } from 'tap';
import { unixTransport } from '../../src/index.js';
import { until } from './gate.js';
import { RawClient } from './raw-client.js';
import { type TestDevice, type TestDeviceOptions, testDefinition } from './test-device.js';

/** As QEMU offers it. */
export const CAPABILITIES = JSON.stringify({
  capabilities: { max_msg_fds: 16, max_data_xfer_size: 1_048_576, pgsizes: 4096 },
});

export interface ServerOptions {
  readonly device?: TestDeviceOptions;
  readonly limits?: Partial<ServerLimits>;
  /** Of the host, other than this one's. */
  readonly pageBytes?: number;
}

/** A served test device, and all that a test makes around it: closed when the test ends. */
export class Fixture {
  readonly server: DeviceServer;
  readonly device: TestDevice;
  readonly path: string;
  readonly #clients: RawClient[] = [];
  readonly #descriptors: FileDescriptor[] = [];

  constructor(server: DeviceServer, device: TestDevice, path: string) {
    this.server = server;
    this.device = device;
    this.path = path;
  }

  /** A client that has said nothing yet. */
  client(): RawClient {
    const client = new RawClient(this.path);
    this.#clients.push(client);
    return client;
  }

  /** A client that has exchanged VERSION. */
  async connected(json = CAPABILITIES): Promise<RawClient> {
    const client = this.client();
    await client.negotiate(json);
    return client;
  }

  memory(bytes: number): FileDescriptor {
    return this.#keep(createMemoryFile('guest', bytes));
  }

  eventFd(): FileDescriptor {
    return this.#keep(createEventFd());
  }

  /** Until the server has let go of its client. */
  async idle(): Promise<void> {
    await until(() => this.server.statistics().client === 'none', 'the server lets go');
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const descriptor of this.#descriptors) descriptor.close();
    await this.server.close();
  }

  #keep(descriptor: FileDescriptor): FileDescriptor {
    this.#descriptors.push(descriptor);
    return descriptor;
  }
}

/** Serve a test device on a socket of its own. */
export async function serveTestDevice(
  t: Test,
  { device: options = {}, limits = {}, pageBytes }: ServerOptions = {},
): Promise<Fixture> {
  // A short name: a test's own folder is often too long for a socket address.
  const folder = mkdtempSync(join(tmpdir(), 'vfio-user-'));
  const path = join(folder, 'device.sock');
  const transport = unixTransport();
  if (pageBytes !== undefined) Object.defineProperty(transport, 'pageBytes', { value: pageBytes });
  let device: TestDevice | undefined;
  const server = await serve({
    definition: testDefinition((created) => {
      device = created;
    }),
    options,
    registry: new TransportRegistry([transport]),
    listen: `unix://${path}`,
    limits,
  });
  if (device === undefined) throw new Error('serve() has created no device');
  const fixture = new Fixture(server, device, path);
  t.teardown(async () => {
    await fixture.close();
    rmSync(folder, { recursive: true });
  });
  return fixture;
}

/** How many descriptors this process has open. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
