import { parseUri, Region } from '@vfio-user/core';
import { registerMaps } from '@vfio-user/devices';
import { loadTransports } from '../../registry.js';
import type { TestServer } from '../tests/test-family.js';
import { connector, encodingOf, type ServedDevice, type Target, type TargetServer } from './target.js';
import type { Path } from './transports.js';

/** Class, subclass and interface of NVMe controllers, as configuration space has them at 9. */
const NVME_CLASS = [0x02, 0x08, 0x01];
const CLASS_OFFSET = 9;

/** A server that was there before and stays when we leave: ours or somebody else's. */
export class RemoteTarget implements Target {
  readonly name: string;
  readonly uri: string;
  readonly path;
  readonly #server: TestServer;

  private constructor(uri: string, path: Path | undefined, server: TestServer) {
    this.name = shortName(uri);
    this.uri = uri;
    this.path = path;
    this.#server = server;
  }

  /** Connect once, to see what is there. `floors` says what floors can run on. */
  static async find(
    uri: string,
    signal: AbortSignal,
    floors: Path | undefined,
  ): Promise<RemoteTarget> {
    const connect = connector(uri, await loadTransports([uri]), signal);
    const client = await connect();
    const ids = await client.regionRead(Region.CONFIG, 0, 4);
    const [programming, subclass, base] = await client.regionRead(Region.CONFIG, CLASS_OFFSET, 3);
    await client.close();
    const isNvme = [programming, subclass, base].every((byte, at) => byte === NVME_CLASS[at]);
    const kind = isBench(ids) ? 'bench' : isNvme ? 'nvme' : 'other';
    return new RemoteTarget(uri, floors, { kind, encoding: encodingOf(uri), connect });
  }

  async server(device: ServedDevice | 'any'): Promise<TargetServer | undefined> {
    return device === 'any' || device === this.#server.kind ? this.#server : undefined;
  }

  async close(): Promise<void> {}
}

function isBench(ids: Uint8Array): boolean {
  const { vendorId, deviceId } = registerMaps.get('bench')?.ids ?? {};
  const view = new DataView(ids.buffer, ids.byteOffset);
  return view.getUint16(0, true) === vendorId && view.getUint16(2, true) === deviceId;
}

/** Without what would make a table too wide. */
function shortName(uri: string): string {
  const { protocol, host, pathname } = parseUri(uri);
  const file = pathname.split('/').at(-1) ?? '';
  return `${protocol}${host === '' ? file : host}`;
}
