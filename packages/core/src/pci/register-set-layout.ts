import type { AccessSize, BlockAccess } from '../device/access.js';
import type { RegisterSet } from './register-set.js';

/**
 * Runs after a client's write that touched a register, with the value after and before it, also
 * when they are equal. `registers.set...` may be used to correct the outcome.
 */
export type RegisterWritten = (value: number, previous: number, registers: RegisterSet) => void;

/** A register whose writes somebody wants to know of. */
export interface WriteListener {
  readonly offset: number;
  readonly size: AccessSize;
  readonly run: RegisterWritten;
}

/** A range that something else answers for. */
export interface RegisterWindow {
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  readonly access: BlockAccess;
}

/** What a `RegisterSetBuilder` describes. The three arrays have one byte per register byte. */
export interface RegisterSetLayout {
  readonly initial: Uint8Array;
  /** Bits a write stores. */
  readonly writeMask: Uint8Array;
  /** Bits that writing one clears. */
  readonly clearMask: Uint8Array;
  readonly listeners: readonly WriteListener[];
  readonly windows: readonly RegisterWindow[];
}
