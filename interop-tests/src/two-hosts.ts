// Two hosts on one machine: network namespaces joined by a cable (a veth pair). Needs root.
//
//   const hosts = await TwoHosts.create();
//   await vfioUser(['serve', ...], hosts.device.prefix);
//   await hosts.unplugCable();
//   await hosts.resetConnections();
//   await hosts.remove();

import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { CommandPrefix } from './device-server.js';

const run = promisify(execFile);

/** Names are `vfu-PID-NUMBER-SIDE`: whoever finds one of a process that is gone may remove it. */
const NAME = /^vfu-(\d+)-\d+-(?:qemu|device)$/;
/** Every pair has a network of its own, so that both may use the same addresses. */
const NETWORK = '10.1.0';
const INTERFACE = 'eth0';
let created = 0;

/** One of the two. */
export interface Host {
  /** Its network namespace. */
  readonly namespace: string;
  readonly address: string;
  /** What to put before a command line to run it there. */
  readonly prefix: CommandPrefix;
}

export class TwoHosts {
  /** Where QEMU and the bridge run. */
  readonly qemu: Host;
  /** Where the device is. */
  readonly device: Host;
  readonly #onExit = (): void => {
    for (const { namespace } of [this.device, this.qemu]) removeNow(namespace);
  };

  private constructor() {
    const pair = `vfu-${process.pid}-${created++}`;
    this.qemu = host(`${pair}-qemu`, 1);
    this.device = host(`${pair}-device`, 2);
    process.once('exit', this.#onExit);
  }

  /** Makes the namespaces and the cable. Rejects, saying what is missing, where that cannot be. */
  static async create(): Promise<TwoHosts> {
    if (process.getuid?.() !== 0) {
      throw new Error('two hosts are network namespaces, which only root can make: run it as root');
    }
    await sweep();
    const hosts = new TwoHosts();
    try {
      await hosts.#build();
    } catch (error) {
      await hosts.remove();
      throw new Error('cannot make network namespaces (iproute2 and CAP_SYS_ADMIN are needed)', {
        cause: error,
      });
    }
    return hosts;
  }

  /** From now on nothing arrives, and nobody is told. */
  unplugCable(): Promise<void> {
    return ip('-n', this.device.namespace, 'link', 'set', INTERFACE, 'down');
  }

  plugCable(): Promise<void> {
    return ip('-n', this.device.namespace, 'link', 'set', INTERFACE, 'up');
  }

  /** Resets every TCP connection between the two (RST). */
  async resetConnections(): Promise<void> {
    const { qemu, device } = this;
    await run('ip', ['netns', 'exec', qemu.namespace, 'ss', '-K', 'dst', device.address]);
  }

  /** Removes both. What still runs there loses its network. May be called more than once. */
  async remove(): Promise<void> {
    process.off('exit', this.#onExit);
    for (const { namespace } of [this.device, this.qemu]) {
      await ip('netns', 'delete', namespace).catch(() => {
        /* it was never made, or is removed already */
      });
    }
  }

  async #build(): Promise<void> {
    const { qemu, device } = this;
    for (const { namespace } of [qemu, device]) await ip('netns', 'add', namespace);
    const peer = ['peer', 'name', INTERFACE, 'netns', device.namespace];
    await ip('-n', qemu.namespace, 'link', 'add', INTERFACE, 'type', 'veth', ...peer);
    for (const { namespace, address } of [qemu, device]) {
      await ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', INTERFACE);
      for (const each of ['lo', INTERFACE]) await ip('-n', namespace, 'link', 'set', each, 'up');
    }
  }
}

function host(namespace: string, number: number): Host {
  return {
    namespace,
    address: `${NETWORK}.${number}`,
    prefix: ['ip', 'netns', 'exec', namespace],
  };
}

/** Removes what runs that were killed have left behind. */
async function sweep(): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'list']);
  for (const [name = ''] of stdout.split('\n').map((line) => line.split(' '))) {
    const pid = NAME.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeNow(name);
  }
}

function removeNow(namespace: string): void {
  try {
    execFileSync('ip', ['netns', 'delete', namespace], { stdio: 'ignore' });
  } catch {
    // It was never made, or somebody else has swept it.
  }
}

async function ip(...args: string[]): Promise<void> {
  await run('ip', args);
}
