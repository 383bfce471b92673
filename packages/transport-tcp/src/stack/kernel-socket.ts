import { Socket } from 'node:net';
import type { FramedConnection, PortLayer } from '@vfio-user/core/transport';
import type { FileDescriptor } from '@vfio-user/posix-ffi';
import { socketConnection } from '@vfio-user/transport-socket';
import type { ConnectionParts } from '../connection-parts.js';
import type { RawSocket } from './stack.js';

/** A socket of the kernel that nobody reads yet. */
export class KernelSocket implements RawSocket {
  readonly peer: string;
  readonly #socket: FileDescriptor;
  #onClosed: () => void = () => {};
  /** Given away for good, or lent. */
  #stream: Socket | undefined;
  #lent = false;

  constructor(socket: FileDescriptor, peer: string) {
    this.#socket = socket;
    this.peer = peer;
  }

  stream(): Socket {
    this.#stream = streamOn(this.#socket);
    this.#stream.once('close', () => this.#onClosed());
    return this.#stream;
  }

  lend(): Socket {
    this.#lent = true;
    this.#stream = streamOn(this.#socket.duplicate());
    this.#stream.once('close', () => {
      if (!this.#lent) return;
      this.#socket.close();
      this.#onClosed();
    });
    return this.#stream;
  }

  connection(
    { peer, identity, framing, capabilities, settings }: ConnectionParts,
    layer?: PortLayer,
  ): FramedConnection {
    // From here on Node reads no more; what it has read is its borrower's.
    this.#lent = false;
    this.#stream?.destroy();
    this.#stream = undefined;
    return socketConnection(this.#socket, {
      peer,
      identity,
      framing,
      capabilities,
      settings,
      resources: undefined,
      network: true,
      layer,
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

function streamOn(socket: FileDescriptor): Socket {
  return new Socket({ fd: socket.release(), readable: true, writable: true });
}
