// Debian's nginx in front of WebSocket devices, on a port of this host; it runs by chroot and from a folder of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@vfio-user/support';
import type { GuestFiles } from './setup.js';
import { runSetupScript } from './setup.js';
import { insideRoot } from './socket-folder.js';

/** What nginx logs once it listens. */
const STARTED = / nginx\/\d/;

export interface ReverseProxyOptions {
  /** Where requests for a path go: `{ '/disk': 'http://127.0.0.1:7000/dev' }`. */
  readonly routes: Readonly<Record<string, string>>;
  /** How long either side may send nothing before nginx gives a session up, seconds. */
  readonly idleSeconds: number;
}

export class ReverseProxy {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;

  private constructor(port: number, child: ChildProcess, folder: string, exited: Promise<unknown>) {
    this.port = port;
    this.#child = child;
    this.#folder = folder;
    this.#exited = exited;
  }

  /** Resolves once it listens; rejects with its log when it ends before. */
  static async start(files: GuestFiles, options: ReverseProxyOptions): Promise<ReverseProxy> {
    const nginx = (await runSetupScript('nginx'))('nginx');
    const folder = await mkdtemp(join(files.root, 'run/vfio-user/nginx-'));
    const inside = insideRoot(files, folder);
    const port = await freePort();
    await writeFile(join(folder, 'nginx.conf'), configuration(inside, port, options));
    const child = spawn(
      'setpriv', // It dies with this process even when we are killed and cannot clean up.
      [
        ...['--pdeathsig', 'KILL', 'chroot', files.root],
        ...[nginx, '-e', 'stderr', '-c', `${inside}/nginx.conf`],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const exited = once(child, 'close');
    const proxy = new ReverseProxy(port, child, folder, exited);
    let log = '';
    await new Promise<void>((resolve, reject) => {
      // With a pipe as its stdio the child has a stderr.
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (STARTED.test(log)) resolve();
      });
      exited.then(() => reject(new Error(`nginx ended at start:\n${log}`)), reject);
    }).catch(async (error) => {
      await proxy.stop();
      throw error;
    });
    return proxy;
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await this.#exited;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function configuration(folder: string, port: number, options: ReverseProxyOptions): string {
  const { routes, idleSeconds } = options;
  const locations = Object.entries(routes).map(
    ([path, target]) => `
    location ${path} {
      proxy_pass ${target};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout ${idleSeconds}s;
      proxy_send_timeout ${idleSeconds}s;
    }`,
  );
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
master_process off;
pid ${folder}/pid;
error_log stderr notice;
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  server {
    listen 127.0.0.1:${port};${locations.join('')}
  }
}
`;
}
