import { ENOTCONN } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { MemoryContext } from './context.js';

/**
 * Run `task` once the device has stopped touching guest memory: at once, if that needs no time. A
 * client that leaves meanwhile takes its request with it.
 */
export function whenQuiesced<T>(
  { device, peer }: MemoryContext,
  task: () => T | Promise<T>,
): T | Promise<T> {
  const pending = device.quiesce();
  if (pending === undefined) return task();
  return pending.then(() => {
    if (peer.closed) throw new RequestRefusedError(ENOTCONN, 'the client has left meanwhile');
    return task();
  });
}
