import type { MappedMemory, SharedMemory, SharedResources } from '../transport/resources.js';

/** Memory that a server cannot map: reached by messages. */
class PrivateMemory implements MappedMemory {
  readonly #bytes: Uint8Array;

  constructor(length: number) {
    this.#bytes = new Uint8Array(length);
  }

  get length(): number {
    return this.#bytes.length;
  }

  view(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + length);
  }

  read(offset: number, target: Uint8Array): void {
    target.set(this.#bytes.subarray(offset, offset + target.length));
  }

  write(offset: number, source: Uint8Array): void {
    this.#bytes.set(source, offset);
  }

  close(): void {}
}

/** Memory used as guest RAM. The caller closes it, after unmapping it. */
export interface GuestMemory extends MappedMemory {
  /** Present if a server can map it by descriptor. */
  readonly shared: SharedMemory | undefined;
}

/** Allocate guest memory: shareable where the transport passes descriptors, private otherwise. */
export function allocateGuestMemory(
  resources: SharedResources | undefined,
  length: number,
): GuestMemory {
  const shared = resources?.createMemory('guest-memory', length);
  const memory: MappedMemory = shared ?? new PrivateMemory(length);
  return {
    shared,
    length,
    view: (offset, bytes) => memory.view(offset, bytes),
    read: (offset, target) => memory.read(offset, target),
    write: (offset, source) => memory.write(offset, source),
    close: () => memory.close(),
  };
}
