import type { BlockAccess } from '../device/access.js';
import type { InterruptControls } from '../interrupts/interrupt-controls.js';
import { MSIX_ENTRY_BYTES, MSIX_ENTRY_MASKED } from './constants.js';
import type { RegisterSet } from './register-set.js';
import { RegisterSetBuilder } from './register-set-builder.js';

/** Offset of "Vector Control" in a table entry. */
const VECTOR_CONTROL = 0xc;

/**
 * The MSI-X table. An entry's mask bit counts from the first write to that entry on: entries are
 * masked at power-up, but a client with a table of its own (QEMU) never writes this one, and its
 * interrupts must not be masked.
 */
export class MsixTable implements BlockAccess {
  readonly #controls: InterruptControls;
  readonly #entries: RegisterSet;

  constructor(vectors: number, controls: InterruptControls) {
    this.#controls = controls;
    const entries = new RegisterSetBuilder(vectors * MSIX_ENTRY_BYTES);
    for (let at = 0; at < entries.length; at += MSIX_ENTRY_BYTES) {
      entries
        .rw32(at, 0, 0xffff_fffc)
        .rw32(at + 4, 0)
        .rw32(at + 8, 0)
        .rw32(at + VECTOR_CONTROL, MSIX_ENTRY_MASKED, MSIX_ENTRY_MASKED);
    }
    this.#entries = entries.build();
  }

  readBlock(offset: number, target: Uint8Array): void {
    this.#entries.readBlock(offset, target);
  }

  writeBlock(offset: number, source: Uint8Array): void {
    this.#entries.writeBlock(offset, source);
    const first = Math.floor(offset / MSIX_ENTRY_BYTES);
    const end = Math.ceil((offset + source.length) / MSIX_ENTRY_BYTES);
    for (let vector = first; vector < end; vector++) {
      const control = this.#entries.get32(vector * MSIX_ENTRY_BYTES + VECTOR_CONTROL);
      this.#controls.maskMsixVector(vector, (control & MSIX_ENTRY_MASKED) !== 0);
    }
  }

  /** Power-on state: all entries masked, none programmed. */
  reset(): void {
    this.#entries.reset();
  }
}

/** The MSI-X pending bit array, which is read-only. */
export function pendingBitArray(controls: InterruptControls): BlockAccess {
  return {
    readBlock(offset, target) {
      target.set(controls.msixPending.subarray(offset, offset + target.length));
    },
    writeBlock() {},
  };
}
