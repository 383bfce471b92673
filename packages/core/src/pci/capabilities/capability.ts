import type { FunctionControls } from '../function-controls.js';
import type { RegisterSetBuilder } from '../register-set-builder.js';

/** The place of a capability in the configuration space. */
export interface CapabilityContext {
  /** Offset of the capability's header in the configuration space, bytes. */
  readonly offset: number;
  /** What its registers control outside the configuration space. */
  readonly controls: FunctionControls;
}

/** Location of the MSI-X table or the pending bit array. */
export interface MsixPlace {
  readonly bar: 0 | 1 | 2 | 3 | 4 | 5;
  /** Bytes from the start of the BAR, a multiple of 8. */
  readonly offset: number;
}

/** The BAR space that an MSI-X capability needs, which `PciFunction` provides. */
export interface MsixLayout {
  readonly vectors: number;
  readonly table: MsixPlace;
  readonly pendingBits: MsixPlace;
}

/** A PCI capability (list at 0x34) or, with `extended`, a PCI Express extended one (list at 0x100). */
export interface Capability {
  readonly id: number;
  readonly extended?: boolean;
  /** Version in the header of an extended capability, 1 when absent. */
  readonly version?: number;
  /** Whole length, header included, bytes. */
  readonly length: number;
  /** Fixed offset. Default: the next free aligned one. */
  readonly offset?: number | undefined;
  /** Set by the MSI capability: number of vectors. */
  readonly msiVectors?: number;
  /** Set by the MSI-X capability. */
  readonly msix?: MsixLayout;
  /** Describe the registers after the header, which the layout writes. */
  describe(registers: RegisterSetBuilder, context: CapabilityContext): void;
}
