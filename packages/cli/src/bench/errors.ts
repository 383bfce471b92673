/** A benchmark cannot go on, or its results are not worth keeping. */
export class BenchError extends Error {}

/** Data arrived other than it was sent: whatever was measured means nothing. */
export class WrongDataError extends BenchError {}
