import type { InterruptHandler } from '../device-end/interrupts.js';
import { VfioUserError } from '../errors.js';
import { PullStream } from '../pull-stream.js';

/** A vector was raised `count` times since it was last reported. */
export interface RaisedInterrupt {
  readonly vector: number;
  readonly count: number;
}

export interface InterruptsOptions {
  /** Aborts the iteration, which rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Interrupts as they arrive. Ending the iteration (`break`, `return()`) disables them. */
export interface RaisedInterrupts extends AsyncIterableIterator<RaisedInterrupt>, AsyncDisposable {}

/** The vectors of one interrupt index. */
interface Vectors {
  /** Resolves when the connection has ended. */
  readonly closed: Promise<Error | undefined>;
  enable(handler: InterruptHandler): Promise<void>;
  disable(): Promise<void>;
}

/** Interrupts not yet taken are counted per vector, so that memory stays bounded. */
export async function iterateInterrupts(
  { closed, enable, disable }: Vectors,
  signal: AbortSignal | undefined,
): Promise<RaisedInterrupts> {
  signal?.throwIfAborted();
  const raised = new Map<number, number>();
  const take = (): RaisedInterrupt | undefined => {
    const [first] = raised;
    if (first === undefined) return undefined;
    const [vector, count] = first;
    raised.delete(vector);
    return { vector, count };
  };
  const stream = new PullStream(take, async () => {
    signal?.removeEventListener('abort', onAbort);
    await disable().catch(unlessEnded);
  });
  const onAbort = (): void => {
    raised.clear();
    stream.end(signal?.reason);
    // This fails if the connection ends, which disables them as well.
    disable().catch(() => {});
  };
  await enable((vector, count) => {
    raised.set(vector, (raised.get(vector) ?? 0) + count);
    stream.wake();
  });
  void closed.then((error) => {
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
