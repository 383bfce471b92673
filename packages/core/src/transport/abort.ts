import { orAborted } from './or-aborted.js';

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
