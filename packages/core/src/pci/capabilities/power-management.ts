import { CapabilityId } from '../constants.js';
import type { Capability } from './capability.js';

/** Offsets from the capability's header (PCI Power Management Interface 1.2, section 3.2). */
const PMC = 0x2;
const PMCSR = 0x4;

const PMC_VERSION_1_2 = 3;
const PMC_D1_SUPPORT = 1 << 9;
const PMC_D2_SUPPORT = 1 << 10;
const PMCSR_POWER_STATE = 0x3;
const PMCSR_NO_SOFT_RESET = 1 << 3;

const D0 = 0;
const D3HOT = 3;

export interface PowerManagementOptions {
  /** Leaving D3hot resets the function ("No_Soft_Reset" is clear). Default: it keeps its state. */
  readonly softReset?: boolean;
  readonly d1?: boolean;
  readonly d2?: boolean;
  readonly offset?: number;
}

/** PCI Power Management: D0 and D3hot, optionally D1 and D2. No PME. */
export function powerManagement(options: PowerManagementOptions = {}): Capability {
  const { softReset = false, d1 = false, d2 = false, offset } = options;
  const supported: readonly boolean[] = [true, d1, d2, true];
  return {
    id: CapabilityId.POWER_MANAGEMENT,
    length: 8,
    offset,
    describe(registers, { offset: at, controls }) {
      registers
        .ro16(at + PMC, PMC_VERSION_1_2 | (d1 ? PMC_D1_SUPPORT : 0) | (d2 ? PMC_D2_SUPPORT : 0))
        .rw16(at + PMCSR, softReset ? 0 : PMCSR_NO_SOFT_RESET, PMCSR_POWER_STATE)
        .onWrite(at + PMCSR, 2, (value, previous, set) => {
          const from = previous & PMCSR_POWER_STATE;
          const to = value & PMCSR_POWER_STATE;
          // Writing an unsupported state changes nothing.
          if (supported[to] !== true) set.set16(at + PMCSR, previous);
          else if (softReset && from === D3HOT && to === D0) controls.requestReset('power');
        });
    },
  };
}
