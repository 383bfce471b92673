import { CapabilityId, MAX_VECTORS, MSIX_ENTRY_BYTES } from '../constants.js';
import { hex, invalid } from '../invalid.js';
import type { Capability, MsixPlace } from './capability.js';

/** Offsets from the capability's header (PCI Local Bus 3.0, section 6.8.2). */
const CONTROL = 0x2;
const TABLE = 0x4;
const PENDING_BITS = 0x8;

const CONTROL_FUNCTION_MASK = 1 << 14;
const CONTROL_ENABLE = 1 << 15;

export interface MsixOptions {
  /** 1 to 2048. */
  readonly vectors: number;
  readonly table: MsixPlace;
  /** The pending bit array. Default: right behind the table. */
  readonly pendingBits?: MsixPlace;
  readonly offset?: number;
}

/**
 * MSI-X. The core serves the table and the pending bit array in the given BAR; the device sees
 * accesses to the rest of that BAR, and need not define a BAR that holds nothing else.
 */
export function msix(options: MsixOptions): Capability {
  const { vectors, table, offset } = options;
  if (!Number.isInteger(vectors) || vectors < 1 || vectors > MAX_VECTORS) {
    invalid(`MSI-X has ${vectors} vectors, expected 1 to ${MAX_VECTORS}`);
  }
  const pendingBits = options.pendingBits ?? {
    bar: table.bar,
    offset: table.offset + vectors * MSIX_ENTRY_BYTES,
  };
  checkPlace('table', table);
  checkPlace('pending bit array', pendingBits);
  return {
    id: CapabilityId.MSIX,
    length: 12,
    offset,
    msix: { vectors, table, pendingBits },
    describe(registers, { offset: at, controls }) {
      registers
        .rw16(at + CONTROL, vectors - 1, CONTROL_ENABLE | CONTROL_FUNCTION_MASK)
        .onWrite(at + CONTROL, 2, (value) => {
          controls.interrupts.configureMsix(
            (value & CONTROL_ENABLE) !== 0,
            (value & CONTROL_FUNCTION_MASK) !== 0,
          );
        })
        .ro32(at + TABLE, table.offset | table.bar)
        .ro32(at + PENDING_BITS, pendingBits.offset | pendingBits.bar);
    },
  };
}

function checkPlace(name: string, { bar, offset }: MsixPlace): void {
  if (!Number.isInteger(bar) || bar < 0 || bar > 5) {
    invalid(`MSI-X ${name} is in BAR${bar}, expected 0 to 5`);
  }
  if (!Number.isInteger(offset) || offset % 8 !== 0 || offset < 0 || offset > 0xffff_ffff) {
    invalid(`MSI-X ${name} is at ${hex(offset)}, expected a multiple of 8 below 4 GiB`);
  }
}
