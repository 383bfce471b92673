/**
 * Settles like `promise`, unless the signal aborts first: then it rejects with the reason at once,
 * and the result of `promise` is dropped. For operations that cannot be cancelled.
 */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * Runs `start`, unless the signal aborts first: then it rejects with the reason at once. An
 * operation that was started goes on, and `discard` gets its result.
 */
export async function abortable<T>(
  signal: AbortSignal | undefined,
  start: () => Promise<T>,
  discard?: (outcome: T) => void,
): Promise<T> {
  if (signal === undefined) return start();
  signal.throwIfAborted();
  const started = start();
  try {
    return await orAborted(started, signal);
  } catch (error) {
    started.then(discard, () => {});
    throw error;
  }
}
