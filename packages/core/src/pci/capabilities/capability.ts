import type { FunctionControls } from '../function-controls.js';
import type { RegisterSetBuilder } from '../register-set-builder.js';

/** Where a capability sits, handed to it when the configuration space is laid out. */
export interface CapabilityContext {
  /** Offset of the capability's header in the configuration space, bytes. */
  readonly offset: number;
  /** What its registers steer outside the configuration space. */
  readonly controls: FunctionControls;
}

/** Where one of the two MSI-X structures lies. */
export interface MsixPlace {
  readonly bar: 0 | 1 | 2 | 3 | 4 | 5;
  /** Bytes from the start of the BAR, a multiple of 8. */
  readonly offset: number;
}

/** What an MSI-X capability says of the BARs: `PciFunction` puts both structures there. */
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
  /** Fixed place; the next free aligned one when absent. */
  readonly offset?: number | undefined;
  /** Set by the MSI capability: how many vectors it offers. */
  readonly msiVectors?: number;
  /** Set by the MSI-X capability. */
  readonly msix?: MsixLayout;
  /** Describe the registers behind the header (which the layout writes itself). */
  describe(registers: RegisterSetBuilder, context: CapabilityContext): void;
}
