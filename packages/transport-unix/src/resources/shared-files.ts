import { readFileSync } from 'node:fs';
import {
  type FileDescriptor,
  type FileIdentity,
  openFlags,
  SystemError,
} from '@vfio-user/posix-ffi';

const EMFILE = 24;
/** Where the limit cannot be read. */
const DEFAULT_MOST_DESCRIPTORS = 1024;

interface SharedFile {
  readonly file: FileDescriptor;
  users: number;
}

/** Keeps a file open for everything in it that is read and written by system calls. */
export class SharedFiles {
  /** By file and by how it was opened. */
  readonly #files = new Map<string, SharedFile>();
  #most: number | undefined;

  /**
   * Take over a descriptor: it is closed if the file is open already. Call `close` of the result
   * once.
   * @throws {SystemError} EMFILE, so that a peer's files leave descriptors for everything else.
   */
  open(
    file: FileDescriptor,
    { device, inode }: FileIdentity,
  ): { readonly file: FileDescriptor; close(): void } {
    const key = `${device}:${inode}:${openFlags(file)}`;
    const known = this.#files.get(key);
    if (known === undefined) {
      this.#most ??= Math.floor(descriptorLimit() / 2);
      if (this.#files.size >= this.#most) {
        const text = `of more than ${this.#most} files with shared memory (half of ulimit -n)`;
        throw new SystemError(EMFILE, 'open', text);
      }
    } else {
      file.close();
    }
    const shared = known ?? { file, users: 0 };
    shared.users++;
    this.#files.set(key, shared);
    return { file: shared.file, close: () => this.#close(key, shared) };
  }

  #close(key: string, shared: SharedFile): void {
    shared.users--;
    if (shared.users > 0) return;
    this.#files.delete(key);
    shared.file.close();
  }
}

function descriptorLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? DEFAULT_MOST_DESCRIPTORS : Number(soft);
  } catch {
    return DEFAULT_MOST_DESCRIPTORS;
  }
}
