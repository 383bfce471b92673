import { join } from 'node:path';
import type { ListeningProcess } from '@vfio-user/support';
import type { BenchHost } from '../engine/host.js';
import { startServer } from '../targets/server-process.js';
import type { Path } from '../targets/transports.js';
import { VSOCK_LOOPBACK_CID } from '../targets/vsock-loopback.js';

/** What an echo server is reached by; `elsewhere` is one that was there before. */
export type FloorPath = Path | 'elsewhere';

/** Where an echo server is. */
export interface EchoPlace {
  readonly uri: string;
  /** If it is on this machine. */
  readonly pid?: number;
}

/** Where echo servers are started. */
export interface FloorSetting {
  readonly host: BenchHost;
  /** Takes a socket; its name is short enough for it. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** The echo servers of a run, started when they are needed. */
export class FloorServers {
  readonly #place: FloorSetting;
  readonly #elsewhere: string | undefined;
  readonly #running = new Map<Path, ListeningProcess>();

  /** `elsewhere`: one that is there already. */
  constructor(place: FloorSetting, elsewhere: string | undefined) {
    this.#place = place;
    this.#elsewhere = elsewhere;
  }

  async at(path: FloorPath): Promise<EchoPlace> {
    if (path === 'elsewhere') return { uri: this.#elsewhere as string }; // it was asked for
    const running = this.#running.get(path) ?? (await this.#start(path));
    this.#running.set(path, running);
    const uri = running.address.replace('//any:', `//${VSOCK_LOOPBACK_CID}:`);
    const { pid } = running;
    return { uri, ...(pid !== undefined && { pid }) };
  }

  async close(): Promise<void> {
    for (const running of this.#running.values()) await running.stop();
    this.#running.clear();
  }

  #start(path: Path): Promise<ListeningProcess> {
    const listen = {
      unix: `unix://${join(this.#place.folder, 'echo.sock')}`,
      tcp: 'tcp://127.0.0.1:0',
      vsock: 'vsock://any:0',
    }[path];
    const { host, signal } = this.#place;
    return startServer(host.script, ['bench', 'echo', '--listen', listen], signal);
  }
}
