// Devices on one host and bridges to them on another: what QEMU plugs in is the bridge's socket.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority, certificateQuery, type ListeningProcess } from '@vfio-user/support';
import type { DelayRelayOptions } from './delay-relay/relay.js';
import { startDelayRelay } from './delay-relay/relay.js';
import { type DeviceSettings, serveDevice, vfioUser } from './device-server.js';
import { createTestRig, type ServedDevice, type TestContext, type TestRig } from './test-rig.js';
import { TwoHosts } from './two-hosts.js';

const FIRST_PORT = 7000;
const WEB_SOCKET_PATH = '/vfio-user';

export interface RemoteOptions {
  /** How the bridge reaches the device, default `tcp`. */
  readonly scheme?: 'tcp' | 'tls' | 'ws' | 'wss';
  /** How long servers keep the session of a client whose link is lost, as `--hold` takes it. */
  readonly hold?: string;
  /** How long a bridge waits for a device's answer, as `--answer-timeout` takes it. */
  readonly answerTimeout?: string;
  /** Puts a slow line between the two. */
  readonly line?: Pick<DelayRelayOptions, 'toServer' | 'toClient'>;
}

export interface BridgedDevice extends ServedDevice {
  readonly bridge: ListeningProcess;
  /** Where the server listens on the far host. */
  readonly port: number;
}

/** Queries of URIs: what each side shows and trusts. */
interface Credentials {
  readonly server: string;
  readonly client: string;
}

type AtEnd = (end: () => Promise<unknown>) => void;

export class RemoteDevices {
  readonly hosts: TwoHosts;
  readonly #options: RemoteOptions;
  readonly #credentials: Credentials | undefined;
  readonly #atEnd: AtEnd;
  #nextPort = FIRST_PORT;

  private constructor(
    hosts: TwoHosts,
    options: RemoteOptions,
    credentials: Credentials | undefined,
    atEnd: AtEnd,
  ) {
    this.hosts = hosts;
    this.#options = options;
    this.#credentials = credentials;
    this.#atEnd = atEnd;
  }

  static async create(atEnd: AtEnd, options: RemoteOptions = {}): Promise<RemoteDevices> {
    const hosts = await TwoHosts.create();
    atEnd(() => hosts.remove());
    const { scheme } = options;
    if (scheme !== 'tls' && scheme !== 'wss') {
      return new RemoteDevices(hosts, options, undefined, atEnd);
    }
    const folder = await mkdtemp(join(tmpdir(), 'vfio-user-certificates-'));
    atEnd(() => rm(folder, { recursive: true, force: true }));
    const authority = new Authority(folder, 'authority');
    const names = `IP:${hosts.device.address}`;
    const server = authority.issue('server', { names, usage: 'serverAuth' });
    const client = authority.issue('client', { usage: 'clientAuth' });
    const credentials = {
      server: certificateQuery(server, authority),
      client: certificateQuery(client, authority),
    };
    return new RemoteDevices(hosts, options, credentials, atEnd);
  }

  /** Runs a device on the far host. */
  async serve(device: string, port: number, settings?: DeviceSettings): Promise<ListeningProcess> {
    const { device: host } = this.hosts;
    const { hold } = this.#options;
    const listen = this.#uri(host.address, port, this.#credentials?.server);
    const server = await serveDevice(device, listen, settings, {
      prefix: host.prefix,
      options: hold === undefined ? [] : ['--hold', hold],
    });
    this.#atEnd(() => server.stop());
    return server;
  }

  /** Where the device on that far port is reached from the near host, over the slow line if there is one. */
  async reach(port: number): Promise<string> {
    const { line } = this.#options;
    const { device, qemu } = this.hosts;
    if (line === undefined) return this.#uri(device.address, port, this.#credentials?.client);
    const relay = await startDelayRelay(
      { ...line, connect: { host: device.address, port } },
      qemu.prefix,
    );
    this.#atEnd(() => relay.stop());
    const [host, relayPort] = relay.address.split(':') as [string, string]; // as it prints it
    return this.#uri(host, Number(relayPort), this.#credentials?.client);
  }

  /** Runs a bridge on the near host. */
  async bridge(uri: string, socketPath: string): Promise<ListeningProcess> {
    const args = ['bridge', '--listen', `unix://${socketPath}`, '--connect', uri];
    const { answerTimeout } = this.#options;
    if (answerTimeout !== undefined) args.push('--answer-timeout', answerTimeout);
    const bridge = await vfioUser(args, this.hosts.qemu.prefix);
    this.#atEnd(() => bridge.stop());
    return bridge;
  }

  /** A device and a bridge to it. */
  async plug(
    device: string,
    socketPath: string,
    settings?: DeviceSettings,
  ): Promise<BridgedDevice> {
    const port = this.#nextPort++;
    const server = await this.serve(device, port, settings);
    const bridge = await this.bridge(await this.reach(port), socketPath);
    return { server, bridge, socketPath, port };
  }

  #uri(host: string, port: number, query = ''): string {
    const { scheme = 'tcp' } = this.#options;
    const path = scheme === 'ws' || scheme === 'wss' ? WEB_SOCKET_PATH : '';
    return `${scheme}://${host}:${port}${path}${query}`;
  }
}

/** A rig whose devices are on the other host. */
export interface RemoteTestRig extends TestRig {
  readonly remote: RemoteDevices;
  serve(device: string, settings?: DeviceSettings): Promise<BridgedDevice>;
}

export async function createRemoteTestRig(
  t: TestContext,
  options: RemoteOptions = {},
): Promise<RemoteTestRig> {
  const bench = await createTestRig(t);
  const remote = await RemoteDevices.create(bench.atEnd, options);
  return {
    files: bench.files,
    remote,
    serve: (device, settings) => remote.plug(device, bench.newSocket(device), settings),
    boot: (guest) => bench.boot(guest),
  };
}
