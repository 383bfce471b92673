import type { AccessSize, BlockAccess } from '../device/access.js';
import { VfioUserError } from '../errors.js';
import {
  RegisterSet,
  type RegisterWindow,
  type RegisterWritten,
  type WriteListener,
} from './register-set.js';

/**
 * Describes registers one by one; undescribed ones read zero and ignore writes. A later description
 * of the same bytes replaces an earlier one, except that `w1c...` adds to it: `rw16(4, 0,
 * 3).w1c16(4, 0x8000)` is one register with both kinds of bits.
 */
export class RegisterSetBuilder {
  /** Bytes. */
  readonly length: number;
  readonly #initial: Uint8Array;
  readonly #writeMask: Uint8Array;
  readonly #clearMask: Uint8Array;
  readonly #listeners: WriteListener[] = [];
  readonly #windows: RegisterWindow[] = [];

  constructor(length: number) {
    this.length = length;
    this.#initial = new Uint8Array(length);
    this.#writeMask = new Uint8Array(length);
    this.#clearMask = new Uint8Array(length);
  }

  /** A read-only register. */
  ro8(offset: number, value: number): this {
    return this.#register(offset, 1, value, 0);
  }

  ro16(offset: number, value: number): this {
    return this.#register(offset, 2, value, 0);
  }

  ro32(offset: number, value: number): this {
    return this.#register(offset, 4, value, 0);
  }

  /** A register of which the bits in `mask` are writable. */
  rw8(offset: number, value: number, mask = 0xff): this {
    return this.#register(offset, 1, value, mask);
  }

  rw16(offset: number, value: number, mask = 0xffff): this {
    return this.#register(offset, 2, value, mask);
  }

  rw32(offset: number, value: number, mask = 0xffff_ffff): this {
    return this.#register(offset, 4, value, mask);
  }

  /** Write-one-to-clear bits; the other bits stay as described. */
  w1c8(offset: number, mask: number): this {
    return this.#clearable(offset, 1, mask);
  }

  w1c16(offset: number, mask: number): this {
    return this.#clearable(offset, 2, mask);
  }

  w1c32(offset: number, mask: number): this {
    return this.#clearable(offset, 4, mask);
  }

  /** Read-only bytes. */
  roBytes(offset: number, values: Uint8Array): this {
    this.#checkRange(offset, values.length);
    this.#initial.set(values, offset);
    this.#writeMask.fill(0, offset, offset + values.length);
    this.#clearMask.fill(0, offset, offset + values.length);
    return this;
  }

  /** Writable bytes. */
  rwBytes(offset: number, values: Uint8Array): this {
    this.roBytes(offset, values);
    this.#writeMask.fill(0xff, offset, offset + values.length);
    return this;
  }

  /** Let `access` serve a range. Its offsets are relative to the range. */
  window(offset: number, length: number, access: BlockAccess): this {
    this.#checkRange(offset, length);
    this.#windows.push({ offset, length, access });
    return this;
  }

  /** A read-only register that is computed at each read by the client. */
  computed(offset: number, size: AccessSize, read: () => number): this {
    return this.window(offset, size, {
      readBlock(at, target) {
        const value = read();
        for (let i = 0; i < target.length; i++) target[i] = value >>> (8 * (at + i));
      },
      writeBlock() {},
    });
  }

  /** Call `listener` after each client write that touches `[offset, offset + size)`. */
  onWrite(offset: number, size: AccessSize, listener: RegisterWritten): this {
    this.#checkRange(offset, size);
    this.#listeners.push({ offset, size, run: listener });
    return this;
  }

  build(): RegisterSet {
    return new RegisterSet({
      initial: this.#initial.slice(),
      writeMask: this.#writeMask.slice(),
      clearMask: this.#clearMask.slice(),
      listeners: [...this.#listeners],
      windows: [...this.#windows],
    });
  }

  #register(offset: number, size: AccessSize, value: number, mask: number): this {
    this.#checkRange(offset, size);
    for (let i = 0; i < size; i++) {
      this.#initial[offset + i] = value >>> (8 * i);
      this.#writeMask[offset + i] = mask >>> (8 * i);
      this.#clearMask[offset + i] = 0;
    }
    return this;
  }

  #clearable(offset: number, size: AccessSize, mask: number): this {
    this.#checkRange(offset, size);
    for (let i = 0; i < size; i++) {
      const bits = (mask >>> (8 * i)) & 0xff;
      this.#clearMask[offset + i]! |= bits;
      this.#writeMask[offset + i]! &= ~bits;
    }
    return this;
  }

  #checkRange(offset: number, length: number): void {
    if (!(offset >= 0 && offset + length <= this.length)) {
      throw new VfioUserError(
        'VFU_CONFIG_INVALID',
        `register of ${length} bytes at 0x${offset.toString(16)} does not fit into ${this.length} bytes`,
      );
    }
  }
}
