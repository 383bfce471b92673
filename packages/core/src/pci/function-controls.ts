import type { InterruptControls } from '../interrupts/interrupt-controls.js';

/** Why a device is reset. */
export type ResetKind = 'device' | 'function-level' | 'power' | 'connection-lost';

/** What registers of the configuration space control in the function. */
export interface FunctionControls {
  readonly interrupts: InterruptControls;
  /** A driver requested a reset by a register write. It happens after the write is answered. */
  requestReset(kind: ResetKind): void;
}
