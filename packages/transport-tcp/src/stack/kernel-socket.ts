import { Socket } from 'node:net';
import type { FramedConnection } from '@vfio-user/core/transport';
import type { FileDescriptor } from '@vfio-user/posix-ffi';
import { socketConnection } from '@vfio-user/transport-socket';
import type { ConnectionParts } from '../connection-parts.js';
import type { RawSocket } from './stack.js';

/** A socket of the kernel that nobody reads yet. */
export class KernelSocket implements RawSocket {
  readonly peer: string;
  readonly #socket: FileDescriptor;
  #onClosed: () => void = () => {};
  #stream: Socket | undefined;

  constructor(socket: FileDescriptor, peer: string) {
    this.#socket = socket;
    this.peer = peer;
  }

  stream(): Socket {
    const stream = new Socket({ fd: this.#socket.release(), readable: true, writable: true });
    stream.once('close', () => this.#onClosed());
    this.#stream = stream;
    return stream;
  }

  connection({
    peer,
    identity,
    framing,
    capabilities,
    settings,
  }: ConnectionParts): FramedConnection {
    return socketConnection(this.#socket, {
      peer,
      identity,
      framing,
      capabilities,
      settings,
      resources: undefined,
      network: true,
      onClosed: () => this.#onClosed(),
    });
  }

  destroy(): void {
    if (this.#stream !== undefined) {
      this.#stream.destroy();
    } else {
      this.#socket.close();
      this.#onClosed();
    }
  }

  onClosed(listener: () => void): void {
    this.#onClosed = listener;
  }
}
