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

/** What a subject is held against. */
export interface Comparison {
  readonly subject: Contender;
  readonly floor: Contender;
  /** `time`: p50 of the subject by p50 of the floor. `rate`: operations per second likewise. */
  readonly quantity: 'time' | 'rate';
  /** At most this for a time, at least this for a rate; absent: for information. */
  readonly target?: number;
}

/** Contenders measured together: all of them in every round, one after the other. */
export interface Row {
  readonly name: string;
  /** What an operation is and what was set up, in a sentence. */
  readonly what: string;
  readonly contenders: readonly Contender[];
  readonly comparisons: readonly Comparison[];
  close(): Promise<void>;
}
