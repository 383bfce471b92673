import { CapabilityId } from '../constants.js';
import { invalid } from '../invalid.js';
import type { Capability } from './capability.js';

/** Offset from the capability's header (PCI Local Bus 3.0, section 6.8.1), and its bits. */
const CONTROL = 0x2;
const CONTROL_ENABLE = 1 << 0;
const CONTROL_MMC_SHIFT = 1;
const CONTROL_MME_SHIFT = 4;
const CONTROL_MME = 0x7 << CONTROL_MME_SHIFT;
const CONTROL_64_BIT = 1 << 7;
const CONTROL_VECTOR_MASKING = 1 << 8;

export interface MsiOptions {
  /** A power of two, at most 32. */
  readonly vectors: number;
  /** Take a 64-bit message address. Default: yes. */
  readonly address64?: boolean;
  /** Offer mask and pending bits. Default: no. */
  readonly vectorMasking?: boolean;
  readonly offset?: number;
}

/** Message-signalled interrupts. */
export function msi(options: MsiOptions): Capability {
  const { vectors, address64 = true, vectorMasking = false, offset } = options;
  const mmc = Math.log2(vectors);
  if (!Number.isInteger(mmc) || mmc < 0 || mmc > 5) {
    invalid(`MSI has ${vectors} vectors, expected 1, 2, 4, 8, 16 or 32`);
  }
  const data = address64 ? 0xc : 0x8;
  const mask = data + 4;
  const pending = mask + 4;
  return {
    id: CapabilityId.MSI,
    length: vectorMasking ? pending + 4 : data + 2,
    offset,
    msiVectors: vectors,
    describe(registers, { offset: at, controls }) {
      const fixed =
        (mmc << CONTROL_MMC_SHIFT) |
        (address64 ? CONTROL_64_BIT : 0) |
        (vectorMasking ? CONTROL_VECTOR_MASKING : 0);
      registers
        .rw16(at + CONTROL, fixed, CONTROL_ENABLE | CONTROL_MME)
        .onWrite(at + CONTROL, 2, (value, _previous, set) => {
          const asked = (value & CONTROL_MME) >> CONTROL_MME_SHIFT;
          // A function cannot be granted more than it supports.
          const mme = Math.min(asked, mmc);
          set.set16(at + CONTROL, (value & ~CONTROL_MME) | (mme << CONTROL_MME_SHIFT));
          controls.interrupts.configureMsi((value & CONTROL_ENABLE) !== 0, 2 ** mme);
        })
        .rw32(at + 0x4, 0, 0xffff_fffc)
        .rw16(at + data, 0);
      if (address64) registers.rw32(at + 0x8, 0);
      if (vectorMasking) {
        const bits = vectors === 32 ? 0xffff_ffff : 2 ** vectors - 1;
        registers
          .rw32(at + mask, 0, bits)
          .onWrite(at + mask, 4, (value) => controls.interrupts.maskMsi(value))
          .computed(at + pending, 4, () => controls.interrupts.msiPending);
      }
    },
  };
}
