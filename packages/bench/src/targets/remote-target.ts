import { connectDevice, type DeviceClient, Region } from '@vfio-user/core';
import { hostPortOf, parseUri } from '@vfio-user/core/transport';
import { registerMaps } from '@vfio-user/devices';
import type { BenchHost, ServedDevice, Target, TargetServer } from './target.js';
import type { FloorSocket } from './transports.js';

const DEVICES = ['bench', 'nvme'] as const;
/** The part of configuration space with the ids and the class. */
const IDS_BYTES = 12;

/** A server that was there before and stays when we leave: ours or somebody else's. */
export class RemoteTarget implements Target {
  readonly name: string;
  readonly uri: string;
  readonly socket: FloorSocket | undefined;
  readonly #server: TargetServer;

  private constructor(uri: string, socket: FloorSocket | undefined, server: TargetServer) {
    this.name = shortName(uri);
    this.uri = uri;
    this.socket = socket;
    this.#server = server;
  }

  /** Connect once, to see what is there. `hasEcho`: there is an echo server beside it. */
  static async find(
    uri: string,
    {
      host,
      signal,
      hasEcho,
    }: { readonly host: BenchHost; readonly signal: AbortSignal; readonly hasEcho: boolean },
  ): Promise<RemoteTarget> {
    const registry = await host.loadTransports([uri]);
    // Somebody's session may be held there: this look does not end it, as a measurement would.
    const client = await connectDevice(uri, { registry, signal, resumes: false });
    try {
      const socket = hasEcho ? 'elsewhere' : localSocket(uri);
      const kind = await kindOf(client);
      const resolved = registry.resolve(uri);
      const encoding = resolved.transport.encodingFor?.(resolved.uri) ?? 'native';
      return new RemoteTarget(uri, socket, { uri, kind, encoding });
    } finally {
      await client.close();
    }
  }

  async server(device: ServedDevice | 'any'): Promise<TargetServer | undefined> {
    return device === 'any' || device === this.#server.kind ? this.#server : undefined;
  }

  async close(): Promise<void> {}
}

async function kindOf(client: DeviceClient): Promise<TargetServer['kind']> {
  const { buffer, byteOffset } = await client.regionRead(Region.CONFIG, 0, IDS_BYTES);
  const view = new DataView(buffer, byteOffset);
  const ids = {
    vendorId: view.getUint16(0, true),
    deviceId: view.getUint16(2, true),
    classCode: view.getUint32(8, true) >>> 8,
  };
  return DEVICES.find((name) => registerMaps.get(name)?.describes(ids)) ?? 'other';
}

/** Floors run on this machine, so only a server on it can be held against them. */
function localSocket(uri: string): FloorSocket | undefined {
  const parsed = parseUri(uri);
  if (['unix:', 'fd:'].includes(parsed.protocol)) return 'unix';
  const { host } = hostPortOf(parsed);
  return /^(localhost|127\.[\d.]+|::1)$/.test(host) ? 'tcp' : undefined;
}

/** Without what would make a table too wide. */
function shortName(uri: string): string {
  const { protocol, host, pathname } = parseUri(uri);
  return `${protocol}${host === '' ? pathname.split('/').at(-1) : host}`;
}
