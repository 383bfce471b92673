import { VfioUserError } from '../errors.js';
import { PullStream } from '../pull-stream.js';
import type { DeviceClient, RaisedInterrupt, RaisedInterrupts } from './device-client.js';

/**
 * See {@link DeviceClient.interrupts}. Interrupts not yet taken are counted per vector, so that
 * memory stays bounded.
 */
export async function iterateInterrupts(
  client: DeviceClient,
  index: number,
  count: number,
  signal: AbortSignal | undefined,
): Promise<RaisedInterrupts> {
  signal?.throwIfAborted();
  const raised = new Map<number, number>();
  const take = (): RaisedInterrupt | undefined => {
    const [first] = raised;
    if (first === undefined) return undefined;
    const [vector, times] = first;
    raised.delete(vector);
    return { vector, count: times };
  };
  const stream = new PullStream(take, async () => {
    signal?.removeEventListener('abort', onAbort);
    await client.disableInterrupts(index).catch(unlessEnded);
  });
  const onAbort = (): void => {
    raised.clear();
    stream.end(signal?.reason);
    // This fails if the connection ends, which disables them as well.
    client.disableInterrupts(index).catch(() => {});
  };
  const onRaised = (vector: number, times: number): void => {
    raised.set(vector, (raised.get(vector) ?? 0) + times);
    stream.wake();
  };
  await client.enableInterrupts(index, count, onRaised, { signal });
  void client.closed.then((error) => {
    signal?.removeEventListener('abort', onAbort);
    stream.end(error);
  });
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  return stream;
}

/** The end of the connection disables interrupts as well. */
function unlessEnded(error: unknown): void {
  if (!VfioUserError.is(error) || error.code !== 'VFU_PEER_CLOSED') throw error;
}
