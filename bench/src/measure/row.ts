/** What one round of one contender took. */
export interface Measurement {
  /** Nanoseconds of single operations. */
  readonly nanoseconds: ArrayLike<number>;
  /** Operations under way at once: together with the times it gives the rate. */
  readonly depth: number;
}

/** Something that can be measured again and again. */
export interface Contender {
  readonly name: string;
  measure(): Promise<Measurement>;
}

/**
 * What of the subject is divided by that of the floor. `time`: the median time of an operation;
 * `speed`: its inverse; `rate`: operations per second, which counts every interruption as well.
 */
export type Quantity = 'time' | 'speed' | 'rate';

/** What a subject is held against. */
export interface Comparison {
  readonly subject: Contender;
  readonly floor: Contender;
  readonly quantity: Quantity;
  /** At most this for a time, at least this for the others; absent: for information. */
  readonly target?: number;
}

/** Contenders measured together: all of them in every round, one after the other. */
export interface Row {
  readonly name: string;
  /** What an operation is and what was set up, in a sentence. */
  readonly what: string;
  readonly contenders: readonly Contender[];
  readonly comparisons: readonly Comparison[];
}
