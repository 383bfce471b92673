/** A direction of a link. */
export type Direction = 'toServer' | 'toClient';

/** An end of a link. */
export type End = 'client' | 'server';

/** A process that is stopped (SIGSTOP) and goes on (SIGCONT). */
export type Stopped = End | 'bridge';

/**
 * What is wanted of a unit that a link is cut in: a frame of the portable encoding, such as
 * `REGION_READ reply`, or a record of TLS.
 */
export interface CutPlace {
  readonly direction: Direction;
  readonly unit: string;
  /** How much of it passes, from 0 to 1; never all of it, never nothing. */
  readonly part: number;
}

/** A fault, with everything that is random about it. */
export type Fault =
  /** Both ends see a reset connection. */
  | { readonly kind: 'reset' }
  /** Both ends see the connection end in order. */
  | { readonly kind: 'end' }
  /** Nothing arrives any more in these directions, and nobody is told. */
  | { readonly kind: 'drop'; readonly directions: readonly Direction[] }
  /** One end sees a reset, the other nothing at all. */
  | { readonly kind: 'half-open'; readonly reset: End }
  /** Nothing moves for a while, then everything that was sent arrives. */
  | { readonly kind: 'stall'; readonly ms: number }
  /** Everything arrives later for a while. */
  | { readonly kind: 'delay'; readonly byMs: number; readonly ms: number }
  /** The connection ends within a frame. */
  | { readonly kind: 'cut'; readonly place: CutPlace; readonly how: 'reset' | 'end' }
  /** The first connection after a reset ends within a frame of its beginning. */
  | { readonly kind: 'cut-again'; readonly place: CutPlace; readonly how: 'reset' | 'end' }
  /**
   * After a reset two connections of one session reach the server at the same time: one that its
   * client has given up already, and the next one.
   */
  | { readonly kind: 'race'; readonly first: 'old' | 'new'; readonly afterMs: number }
  /** What was under way at a reset reaches the server while the next connection is made. */
  | { readonly kind: 'late'; readonly ms: number }
  /** After a reset connections are refused for a while. */
  | { readonly kind: 'refuse'; readonly ms: number }
  | { readonly kind: 'stop'; readonly process: Stopped; readonly ms: number };

export type FaultKind = Fault['kind'];

/** All of them. */
export const FAULT_KINDS: readonly FaultKind[] = [
  ...(['reset', 'end', 'drop', 'half-open', 'stall', 'delay'] as const),
  ...(['cut', 'cut-again', 'race', 'late', 'refuse', 'stop'] as const),
];
