import type { Descriptor, MappedMemory, SharedResources } from '../transport/resources.js';

/** Memory of this process alone. */
export class PrivateMemory implements MappedMemory {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  view(offset: number, length: number): Uint8Array {
    return this.#bytes.subarray(offset, offset + length);
  }

  read(offset: number, target: Uint8Array): void {
    target.set(this.view(offset, target.length));
  }

  write(offset: number, source: Uint8Array): void {
    this.#bytes.set(source, offset);
  }

  close(): void {}
}

/** Memory used as guest RAM. The caller closes it, after unmapping it. */
export interface GuestMemory extends MappedMemory {
  /** A descriptor to send to the server, whose owner is the caller. Absent if none can be passed. */
  descriptor?(): Descriptor;
}

/** Allocate guest memory: shareable where the transport passes descriptors, private otherwise. */
export function allocateGuestMemory(
  resources: SharedResources | undefined,
  length: number,
): GuestMemory {
  return (
    resources?.createMemory('guest-memory', length) ?? new PrivateMemory(new Uint8Array(length))
  );
}
