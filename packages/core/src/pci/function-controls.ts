import type { InterruptControls } from '../interrupts/interrupt-controls.js';

/** Why a device is reset. */
export type ResetKind = 'device' | 'function-level' | 'power' | 'connection-lost';

/** What the configuration space can do to the function around it. */
export interface FunctionControls {
  readonly interrupts: InterruptControls;
  /** A driver asked for a reset by a register write. It happens after the write is answered. */
  requestReset(kind: ResetKind): void;
}
