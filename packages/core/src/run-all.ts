/** Run every step, even if one fails; `failed` gets each error. */
export function runAll(steps: Iterable<() => unknown>, failed: (error: unknown) => void): void {
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      failed(error);
    }
  }
}

/** Waits for all of them, then rejects as the first that failed: a shared buffer is free by then. */
export async function allEnded(parts: readonly (Promise<void> | undefined)[]): Promise<void> {
  for (const outcome of await Promise.allSettled(parts)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}
