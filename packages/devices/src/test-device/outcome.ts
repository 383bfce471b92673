/**
 * Resolves to what went wrong, or to `undefined`. Never rejects, so that work which is awaited later
 * can fail earlier.
 */
export function outcomeOf(work: Promise<void>): Promise<unknown> {
  return work.then(nothing, failure);
}

function nothing(): undefined {
  return undefined;
}

function failure(cause: unknown): unknown {
  return cause;
}
