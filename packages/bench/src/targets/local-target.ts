import type { ListeningProcess } from '@vfio-user/support';
import { startServer } from './server-process.js';
import type { ServedDevice, Target, TargetServer } from './target.js';
import type { LocalTransport, SocketKind } from './transports.js';

const settings: Readonly<Record<ServedDevice, readonly string[]>> = {
  bench: ['memory=16M'],
  nvme: ['size=64M'],
};

/** A transport of this machine: the same devices on each, in processes of their own. */
export class LocalTarget implements Target {
  readonly name: string;
  readonly uri: string;
  readonly socket: SocketKind;
  readonly #transport: LocalTransport;
  readonly #script: string;
  readonly #signal: AbortSignal;
  readonly #running = new Map<ServedDevice, ListeningProcess>();

  /** `script` is the command's. */
  constructor(transport: LocalTransport, script: string, signal: AbortSignal) {
    this.#transport = transport;
    this.#script = script;
    this.#signal = signal;
    this.name = transport.name;
    this.socket = transport.socket;
    // What is behind the question mark are names of temporary files.
    this.uri = transport.listenUri('bench').replace(/\?.*/, '');
  }

  async server(device: ServedDevice | 'any'): Promise<TargetServer> {
    const kind = device === 'any' ? 'bench' : device;
    const running = this.#running.get(kind) ?? (await this.#start(kind));
    this.#running.set(kind, running);
    const uri = this.#transport.connectUri(running.address);
    const { encoding } = this.#transport;
    const { pid } = running;
    return { uri, kind, encoding, ...(pid !== undefined && { pid }) };
  }

  async close(): Promise<void> {
    for (const running of this.#running.values()) await running.stop();
    this.#running.clear();
  }

  #start(device: ServedDevice): Promise<ListeningProcess> {
    const set = settings[device].flatMap((setting) => ['--set', setting]);
    const listen = this.#transport.listenUri(device);
    const args = ['serve', device, '--listen', listen, '--log-level', 'warn', ...set];
    return startServer(this.#script, args, this.#signal);
  }
}
