import { VfioUserError } from '@vfio-user/core';
import {
  connect,
  type FileDescriptor,
  streamSocket,
  unixSocketAddress,
} from '@vfio-user/posix-ffi';
import { errorCode, systemFailure } from '@vfio-user/posix-ffi/stream';

const RETRY_MS = 10;

/** How long and until when to try. */
export interface ConnectSocketOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A socket connected to whoever listens on `path`. */
export async function connectSocket(
  path: string,
  { timeoutMs, signal }: ConnectSocketOptions,
): Promise<FileDescriptor> {
  const address = unixSocketAddress(path);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const socket = streamSocket();
    try {
      connect(socket, address, path);
      return socket;
    } catch (error) {
      socket.close();
      // The backlog is full. No event tells when it no longer is.
      if (errorCode(error) !== 'EAGAIN') throw systemFailure(explain(path, error), error);
      if (performance.now() >= deadline) {
        throw new VfioUserError(
          'VFU_TIMEOUT',
          `cannot connect to ${path}: the server accepted no connection within ${timeoutMs} ms`,
          { cause: error },
        );
      }
    }
    await pause(RETRY_MS, signal);
  }
}

function explain(path: string, error: unknown): string {
  const what = `cannot connect to ${path}`;
  switch (errorCode(error)) {
    case 'ENOENT':
      return `${what}: there is no such socket, start the server first`;
    case 'ECONNREFUSED':
      return `${what}: nobody listens there any more, start the server again`;
    case 'EACCES':
      return `${what}: this user may not, run as the server's user or give it access`;
    default:
      return what;
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
