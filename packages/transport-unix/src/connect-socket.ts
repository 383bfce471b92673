import { setTimeout } from 'node:timers/promises';
import { VfioUserError } from '@vfio-user/core';
import { attemptFailed, errorCode } from '@vfio-user/core/internal';
import {
  connect,
  type FileDescriptor,
  streamSocket,
  unixSocketAddress,
} from '@vfio-user/posix-ffi';
import { pathConflictAt } from './path-conflict.js';

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
      if (errorCode(error) !== 'EAGAIN') {
        const key = pathConflictAt(path);
        throw attemptFailed('connect-unix', `cannot connect to ${path}`, error, key && { key });
      }
      if (performance.now() >= deadline) {
        throw new VfioUserError(
          'VFU_TIMEOUT',
          `cannot connect to ${path}: the server accepted no connection within ${timeoutMs} ms`,
          { cause: error },
        );
      }
    }
    await setTimeout(RETRY_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}
