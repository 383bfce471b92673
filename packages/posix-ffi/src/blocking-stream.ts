import { EINTR, F_GETFL, F_SETFL, O_NONBLOCK } from './constants.js';
import type { FileDescriptor } from './file-descriptor.js';
import { check, failed, libc } from './libc.js';

/**
 * A blocking stream socket. For programs that do nothing else: while a call waits, the event loop
 * stands still.
 */
export class BlockingStream {
  readonly #socket: FileDescriptor;
  readonly #libc = libc();

  /** Takes the socket over, connected or not yet. */
  constructor(socket: FileDescriptor) {
    this.#socket = socket;
    const flags = check(this.#libc.fcntl(socket.number, F_GETFL, 0), 'fcntl');
    check(this.#libc.fcntl(socket.number, F_SETFL, flags & ~O_NONBLOCK), 'fcntl');
  }

  /** Receive `length` bytes to `address`. `false` when the stream ends before. */
  receive(address: number, length: number): boolean {
    return this.#transfer('read', address, length);
  }

  send(address: number, length: number): void {
    this.#transfer('write', address, length);
  }

  close(): void {
    this.#socket.close();
  }

  #transfer(name: 'read' | 'write', address: number, length: number): boolean {
    for (let done = 0; done < length; ) {
      const count = this.#libc[name](this.#socket.number, address + done, length - done);
      if (count > 0) done += count;
      else if (count === 0) return false;
      else if (this.#libc.errno[0] !== EINTR) throw failed(name);
    }
    return true;
  }
}
