import type { MappedMemory } from './resources.js';

/** A part of a mapping with offsets of its own. Closing it does not close the mapping. */
export class MemoryWindow implements MappedMemory {
  readonly length: number;
  readonly copyOnWrite: boolean;
  readonly #memory: MappedMemory;
  readonly #offset: number;

  constructor(memory: MappedMemory, offset: number, length: number) {
    this.#memory = memory;
    this.#offset = offset;
    this.length = length;
    this.copyOnWrite = memory.copyOnWrite ?? false;
  }

  /** Whether it is the same part of the same memory. */
  isSame(memory: MappedMemory, offset: number): boolean {
    return this.#memory === memory && this.#offset === offset;
  }

  view(offset: number, length: number): Uint8Array | undefined {
    return this.#memory.view(this.#offset + offset, length);
  }

  read(offset: number, target: Uint8Array): void {
    this.#memory.read(this.#offset + offset, target);
  }

  write(offset: number, source: Uint8Array): void {
    this.#memory.write(this.#offset + offset, source);
  }

  close(): void {}
}
