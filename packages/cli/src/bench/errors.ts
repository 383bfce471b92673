/** A benchmark cannot go on, or its results are not worth keeping. */
export class BenchError extends Error {
  /** Shown without a stack: it is about what was measured, not about this program. */
  readonly code = 'VFU_BENCH_FAILED';
}

/** Data arrived other than it was sent: whatever was measured means nothing. */
export class WrongDataError extends BenchError {}
