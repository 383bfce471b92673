import type { Socket } from 'node:net';
import type { Link, LinkEvents } from './link.js';

/** A TCP or TLS socket of Node as a link. It owns the socket. */
export class SocketLink implements Link {
  readonly #socket: Socket;
  readonly #explain: (error: Error) => Error;

  /** `explain` turns the errors of the socket into readable ones. */
  constructor(socket: Socket, explain: (error: Error) => Error) {
    this.#socket = socket;
    this.#explain = explain;
    socket.setNoDelay(true);
    socket.pause();
    // One that arrives after destroy() has nobody to tell.
    socket.on('error', () => {});
  }

  start({ onData, onEnd, onError }: LinkEvents): void {
    const socket = this.#socket;
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', (error) => onError(this.#explain(error)));
    // Of one that was destroyed before it was started, no other event comes.
    socket.on('close', onEnd);
    if (socket.destroyed) queueMicrotask(onEnd);
    else socket.resume();
  }

  write(parts: readonly Uint8Array[], onLeft: () => void): void {
    const socket = this.#socket;
    const last = parts.length - 1;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(parts[i] as Uint8Array);
    socket.write(parts[last] as Uint8Array, onLeft);
    if (last > 0) socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
