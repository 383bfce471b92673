import type { Histogram } from '../statistics.js';

/** What was done in one round. */
export interface Work {
  readonly operations: number;
  /** How long it took, ms: rates follow from it. */
  readonly milliseconds: number;
}

/** Something that can be measured again and again: a transport with a test, or a floor. */
export interface Contender {
  /** What a round needs and what is not measured. */
  prepare?(): Promise<void> | void;
  /** Work for about `milliseconds`, and record how long each operation took where that is seen. */
  measure(milliseconds: number, latencies: Histogram): Promise<Work> | Work;
  /** @throws {WrongDataError} when what was measured did not do what it should. */
  verify?(): Promise<void> | void;
  close?(): Promise<void> | void;
}
