import {
  type FileDescriptor,
  Poller,
  SystemError,
  socketError,
  startConnect,
} from '@vfio-user/posix-ffi';
import { timedOut } from './failure.js';
import type { DialOptions } from './stack.js';

/** Connect a socket, which is closed if that fails. */
export async function connectSocket(
  socket: FileDescriptor,
  address: Uint8Array,
  options: DialOptions,
): Promise<void> {
  try {
    if (!startConnect(socket, address)) await outcome(socket, options);
  } catch (error) {
    socket.close();
    throw error;
  }
}

function outcome(socket: FileDescriptor, { timeoutMs, signal }: DialOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error?: unknown): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      poller.close();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = (): void => finish(signal?.reason);
    const timer = setTimeout(() => finish(timedOut(timeoutMs)), timeoutMs);
    const poller = new Poller(socket, () => {
      const errno = socketError(socket);
      finish(errno === 0 ? undefined : new SystemError(errno, 'connect'));
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    poller.watch(false, true);
  });
}
