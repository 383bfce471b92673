import { join } from 'node:path';
import { type ServerProcess, startServer } from '../target/child.js';
import type { Path } from '../target/transports.js';
import { VSOCK_LOOPBACK_CID } from '../target/vsock-loopback.js';

/** What an echo server is reached by; `elsewhere` is one that was there before. */
export type FloorPath = Path | 'elsewhere';

/** Where an echo server is. */
export interface EchoPlace {
  readonly uri: string;
  /** If it is on this machine. */
  readonly pid?: number;
}

/** The echo servers of a run, started when they are needed. */
export class FloorServers {
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #elsewhere: string | undefined;
  readonly #running = new Map<Path, ServerProcess>();

  constructor(folder: string, signal: AbortSignal, elsewhere: string | undefined) {
    this.#folder = folder;
    this.#signal = signal;
    this.#elsewhere = elsewhere;
  }

  async at(path: FloorPath): Promise<EchoPlace> {
    if (path === 'elsewhere') return { uri: this.#elsewhere as string }; // it was asked for
    const running = this.#running.get(path) ?? (await this.#start(path));
    this.#running.set(path, running);
    const uri = running.uri.replace('//any:', `//${VSOCK_LOOPBACK_CID}:`);
    return { uri, pid: running.pid };
  }

  async close(): Promise<void> {
    for (const running of this.#running.values()) await running.close();
    this.#running.clear();
  }

  #start(path: Path): Promise<ServerProcess> {
    const listen = {
      unix: `unix://${join(this.#folder, 'echo.sock')}`,
      tcp: 'tcp://127.0.0.1:0',
      vsock: 'vsock://any:0',
    }[path];
    return startServer(['bench', 'echo', '--listen', listen], this.#signal);
  }
}
