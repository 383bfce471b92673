import type { AccessSize, BlockAccess } from '../device/access.js';

/**
 * Called after a client's write that touched a register, with the values after and before it, also
 * if they are equal. It may correct the result with `registers.set...`.
 */
export type RegisterWritten = (value: number, previous: number, registers: RegisterSet) => void;

/** A listener for writes of a register. */
export interface WriteListener {
  readonly offset: number;
  readonly size: AccessSize;
  readonly run: RegisterWritten;
}

/** A range that is served by `access`. */
export interface RegisterWindow {
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  readonly access: BlockAccess;
}

/** The result of a `RegisterSetBuilder`. The three arrays have one byte per register byte. */
export interface RegisterSetLayout {
  readonly initial: Uint8Array;
  /** Writable bits. */
  readonly writeMask: Uint8Array;
  /** Write-one-to-clear bits. */
  readonly clearMask: Uint8Array;
  readonly listeners: readonly WriteListener[];
  readonly windows: readonly RegisterWindow[];
}

/**
 * Registers as bytes: each bit is read-only, writable or write-one-to-clear. Little-endian. Client
 * accesses may have any length and alignment. Made by a `RegisterSetBuilder`, for configuration
 * space and BARs.
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

  /** Read the stored value, without windows, for the device. */
  get8(offset: number): number {
    return this.#load(offset, 1);
  }

  get16(offset: number): number {
    return this.#load(offset, 2);
  }

  get32(offset: number): number {
    return this.#load(offset, 4);
  }

  /** Store a value, ignoring masks and without calling listeners, for the device. */
  set8(offset: number, value: number): void {
    this.#store(offset, 1, value);
  }

  set16(offset: number, value: number): void {
    this.#store(offset, 2, value);
  }

  set32(offset: number, value: number): void {
    this.#store(offset, 4, value);
  }

  /** Restore the initial values without calling listeners. */
  reset(): void {
    this.#bytes.set(this.#layout.initial);
  }

  /** A read by the client. */
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
   * A write by the client. Read-only bits keep their value. Once all bytes are stored, each
   * listener whose range was touched is called once.
   */
  writeBlock(offset: number, source: Uint8Array): void {
    const end = offset + source.length;
    this.#checkRange(offset, source.length);
    // Allocated on demand: most writes have no listener.
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
