import type { AccessSize, BlockAccess } from '../device/access.js';

/**
 * Runs after a client's write that touched a register, with the value after and before it, also
 * when they are equal. `registers.set...` may be used to correct the outcome.
 */
export type RegisterWritten = (value: number, previous: number, registers: RegisterSet) => void;

/** A register whose writes somebody wants to know of. */
export interface WriteListener {
  readonly offset: number;
  readonly size: AccessSize;
  readonly run: RegisterWritten;
}

/** A range that something else answers for. */
export interface RegisterWindow {
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  readonly access: BlockAccess;
}

/** What a `RegisterSetBuilder` describes. The three arrays have one byte per register byte. */
export interface RegisterSetLayout {
  readonly initial: Uint8Array;
  /** Bits a write stores. */
  readonly writeMask: Uint8Array;
  /** Bits that writing one clears. */
  readonly clearMask: Uint8Array;
  readonly listeners: readonly WriteListener[];
  readonly windows: readonly RegisterWindow[];
}

/**
 * Registers as bytes: each bit is read-only, writable or cleared by writing one. Little-endian.
 * Accesses from the client side may have any length and alignment. Made by a
 * `RegisterSetBuilder`; fit for the configuration space and for the BARs of a device.
 */
export class RegisterSet implements BlockAccess {
  /** Bytes. */
  readonly length: number;
  readonly #layout: RegisterSetLayout;
  readonly #bytes: Uint8Array;

  constructor(layout: RegisterSetLayout) {
    this.#layout = layout;
    this.#bytes = layout.initial.slice();
    this.length = layout.initial.length;
  }

  /** The device's own read: what is stored, without asking windows. */
  get8(offset: number): number {
    return this.#load(offset, 1);
  }

  get16(offset: number): number {
    return this.#load(offset, 2);
  }

  get32(offset: number): number {
    return this.#load(offset, 4);
  }

  /** The device's own write: masks do not hold it back and no listener runs. */
  set8(offset: number, value: number): void {
    this.#store(offset, 1, value);
  }

  set16(offset: number, value: number): void {
    this.#store(offset, 2, value);
  }

  set32(offset: number, value: number): void {
    this.#store(offset, 4, value);
  }

  /** Back to the initial values. No listener runs: whoever resets knows. */
  reset(): void {
    this.#bytes.set(this.#layout.initial);
  }

  /** The client reads. */
  readBlock(offset: number, target: Uint8Array): void {
    this.#checkRange(offset, target.length);
    for (let i = 0; i < target.length; i++) target[i] = this.#bytes[offset + i]!;
    const end = offset + target.length;
    for (const window of this.#layout.windows) {
      const from = Math.max(offset, window.offset);
      const to = Math.min(end, window.offset + window.length);
      if (from < to) {
        window.access.readBlock(from - window.offset, target.subarray(from - offset, to - offset));
      }
    }
  }

  /**
   * The client writes. Bits that are not writable keep their value. Once all bytes are in place,
   * each listener whose range was touched runs once.
   */
  writeBlock(offset: number, source: Uint8Array): void {
    const end = offset + source.length;
    this.#checkRange(offset, source.length);
    // Made on demand: most writes of a device's registers have no listener.
    let touched: { readonly listener: WriteListener; readonly previous: number }[] | undefined;
    for (const listener of this.#layout.listeners) {
      if (offset < listener.offset + listener.size && end > listener.offset) {
        touched ??= [];
        touched.push({ listener, previous: this.#load(listener.offset, listener.size) });
      }
    }
    this.#merge(offset, source);
    for (const window of this.#layout.windows) {
      const from = Math.max(offset, window.offset);
      const to = Math.min(end, window.offset + window.length);
      if (from < to) {
        window.access.writeBlock(from - window.offset, source.subarray(from - offset, to - offset));
      }
    }
    if (touched === undefined) return;
    for (const { listener, previous } of touched) {
      listener.run(this.#load(listener.offset, listener.size), previous, this);
    }
  }

  #merge(offset: number, source: Uint8Array): void {
    const { writeMask, clearMask } = this.#layout;
    for (let i = 0; i < source.length; i++) {
      // In range: checked by the caller.
      const at = offset + i;
      const written = source[i]!;
      const writable = writeMask[at]!;
      const kept = this.#bytes[at]! & ~writable & ~(clearMask[at]! & written);
      this.#bytes[at] = kept | (written & writable);
    }
  }

  #load(offset: number, size: AccessSize): number {
    this.#checkRange(offset, size);
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = (value << 8) | this.#bytes[offset + i]!;
    return value >>> 0;
  }

  #store(offset: number, size: AccessSize, value: number): void {
    this.#checkRange(offset, size);
    for (let i = 0; i < size; i++) this.#bytes[offset + i] = value >>> (8 * i);
  }

  #checkRange(offset: number, length: number): void {
    if (!(offset >= 0 && offset + length <= this.length)) {
      throw new RangeError(
        `${length} bytes at ${offset} lie outside ${this.length} bytes of registers`,
      );
    }
  }
}
