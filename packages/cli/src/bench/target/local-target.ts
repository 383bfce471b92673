import { type ServerProcess, startServer } from './child.js';
import type { ServedDevice, Target, TargetServer } from './target.js';
import type { LocalTransport, Path } from './transports.js';

const settings: Readonly<Record<ServedDevice, readonly string[]>> = {
  bench: ['memory=16M'],
  nvme: ['size=64M'],
};

/** A transport of this machine: the same devices on each, in processes of their own. */
export class LocalTarget implements Target {
  readonly name: string;
  readonly uri: string;
  readonly path: Path;
  readonly #transport: LocalTransport;
  readonly #signal: AbortSignal;
  readonly #running = new Map<ServedDevice, ServerProcess>();

  constructor(transport: LocalTransport, signal: AbortSignal) {
    this.#transport = transport;
    this.#signal = signal;
    this.name = transport.name;
    this.path = transport.path;
    // What is behind the question mark are names of temporary files.
    this.uri = transport.listenUri('bench').replace(/\?.*/, '');
  }

  async server(device: ServedDevice | 'any'): Promise<TargetServer> {
    const kind = device === 'any' ? 'bench' : device;
    const running = this.#running.get(kind) ?? (await this.#start(kind));
    this.#running.set(kind, running);
    const uri = this.#transport.connectUri(running.uri);
    const { encoding } = this.#transport;
    return { uri, kind, encoding, pid: running.pid };
  }

  async close(): Promise<void> {
    for (const running of this.#running.values()) await running.close();
    this.#running.clear();
  }

  #start(device: ServedDevice): Promise<ServerProcess> {
    const set = settings[device].flatMap((setting) => ['--set', setting]);
    const listen = this.#transport.listenUri(device);
    const args = ['serve', device, '--listen', listen, '--log-level', 'warn', ...set];
    return startServer(args, this.#signal);
  }
}
