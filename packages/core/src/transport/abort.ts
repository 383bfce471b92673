/**
 * Settles as `promise` does, unless the signal aborts first: then it rejects with the reason at
 * once. For what cannot be stopped; what comes of it then is dropped.
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
 * What `start` begins, unless the signal aborts first: then it rejects with the reason at once. What
 * was begun goes on, and `discard` gets what comes of it.
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
