// A fresh folder for AF_UNIX sockets that both the host and the chroot of QEMU can reach.

import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestFiles } from './setup.js';

/** Longest socket path Linux takes (`sun_path` is 108 bytes with its NUL). */
const MAX_SOCKET_PATH_BYTES = 107;

/** One test's sockets; `remove` deletes them. Every run has its own, so runs do not meet. */
export class SocketFolder {
  /** The folder as the host sees it. */
  readonly path: string;
  readonly #root: string;
  readonly #onExit = (): void => rmSync(this.path, { recursive: true, force: true });

  private constructor(root: string, path: string) {
    this.#root = root;
    this.path = path;
    process.once('exit', this.#onExit);
  }

  static async create(files: GuestFiles): Promise<SocketFolder> {
    const parent = join(files.root, 'run/vfio-user');
    await mkdir(parent, { recursive: true });
    return new SocketFolder(files.root, await mkdtemp(join(parent, '/')));
  }

  /** A socket path in the folder, as the host sees it. */
  socket(name: string): string {
    const path = join(this.path, name);
    if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
      throw new Error(
        `the socket path ${path} is too long for Linux: choose a shorter cache folder with VFIO_USER_CACHE`,
      );
    }
    return path;
  }

  async remove(): Promise<void> {
    process.off('exit', this.#onExit);
    await rm(this.path, { recursive: true, force: true });
  }
}

/** The same path as QEMU sees it from inside the chroot. */
export function insideRoot(files: GuestFiles, path: string): string {
  if (!path.startsWith(`${files.root}/`))
    throw new Error(`${path} is outside ${files.root}: QEMU cannot reach it`);
  return path.slice(files.root.length);
}
