import type { WorkloadName } from '../plan/sessions.js';
import type { Outcome } from '../workloads/tally.js';

/** What the client process is told. Each is answered, in the end, with an {@link Answer}. */
export type Order =
  | {
      readonly order: 'open';
      readonly workload: WorkloadName;
      readonly uri: string;
      readonly seed: number;
    }
  /** Note the longest time without an operation from now on. */
  | { readonly order: 'watch' }
  /** Answer when a round that begins from now on is verified. */
  | { readonly order: 'settle' }
  | { readonly order: 'finish' };

/** An order for one of the sessions, by its number. */
export interface SessionOrder {
  readonly session: number;
  readonly order: Order;
}

export interface Answer {
  readonly outcome: Outcome;
  readonly gapMs: number;
  /** What went wrong, in words. */
  readonly notes: readonly string[];
}

export type ClientReport =
  | { readonly session: number; readonly answer: Answer }
  /** The session is of no further use. */
  | { readonly session: number; readonly failure: string; readonly answer: Answer };

/** What the server process is told in its argument, as JSON. */
export interface ServerTask {
  /** Where to listen, in the order of WORKLOADS. */
  readonly listen: readonly string[];
}

/** What the bridge process is told in its argument, as JSON. */
export interface BridgeTask {
  readonly bridges: readonly { readonly listen: string; readonly connect: string }[];
}

/** How long a link may be silent before it counts as lost, ms. */
export const SILENCE_MS = 1_000;

/** How long a session without a link is kept, and an answer waited for, ms: longer than any fault. */
export const HOLD_MS = 600_000;
