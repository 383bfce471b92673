import { ServerProcesses, startServer } from './server-process.js';
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
  readonly #servers: ServerProcesses<ServedDevice>;

  /** `script` is the command's. */
  constructor(transport: LocalTransport, script: string, signal: AbortSignal) {
    this.#transport = transport;
    this.#servers = new ServerProcesses((device) => {
      const set = settings[device].flatMap((setting) => ['--set', setting]);
      const listen = transport.listenUri(device);
      const args = ['serve', device, '--listen', listen, '--log-level', 'warn', ...set];
      return startServer(script, args, signal);
    });
    this.name = transport.name;
    this.socket = transport.socket;
    // What is behind the question mark are names of temporary files.
    this.uri = transport.listenUri('bench').replace(/\?.*/, '');
  }

  async server(device: ServedDevice | 'any'): Promise<TargetServer> {
    const kind = device === 'any' ? 'bench' : device;
    const { address, ...process } = await this.#servers.get(kind);
    const { encoding } = this.#transport;
    return { uri: this.#transport.connectUri(address), kind, encoding, ...process };
  }

  close(): Promise<void> {
    return this.#servers.close();
  }
}
