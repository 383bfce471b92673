import { type FileDescriptor, SHUT_WR, shutdown } from '@vfio-user/posix-ffi';
import { closeTimedOut } from './close-reason.js';
import type { StreamConnectionParts } from './parts.js';
import type { Receiver } from './receiver.js';
import type { Sender } from './sender.js';

/** What an orderly close needs of its connection. */
export interface FarewellParts {
  readonly socket: FileDescriptor;
  readonly sender: Sender;
  readonly receiver: Receiver;
  /** Close the socket. */
  end(error?: Error): void;
}

/** An orderly close: first everything that is queued leaves, then the peer has time to end, too. */
export class Farewell {
  readonly #connection: StreamConnectionParts;
  readonly #parts: FarewellParts;
  readonly #timer: NodeJS.Timeout;
  #saidEnd = false;

  constructor(connection: StreamConnectionParts, parts: FarewellParts) {
    this.#connection = connection;
    this.#parts = parts;
    const { peer, settings } = connection;
    const { closeTimeoutMs } = settings;
    this.#timer = setTimeout(() => {
      const left = parts.sender.queuedBytes;
      // All was said: then it does not matter that the peer never answered.
      parts.end(left === 0 ? undefined : closeTimedOut(peer, left, closeTimeoutMs));
    }, closeTimeoutMs);
  }

  /** Whether the end of the peer is awaited. */
  get awaitsEnd(): boolean {
    return this.#saidEnd;
  }

  /** Something has left, perhaps everything. `peerEnded`: the peer sends nothing more. */
  onSent(peerEnded: boolean): void {
    if (this.#parts.sender.queuedBytes > 0 || this.#saidEnd) return;
    if (peerEnded || !this.#connection.network) {
      this.#parts.end();
      return;
    }
    this.#saidEnd = true;
    try {
      shutdown(this.#parts.socket, SHUT_WR);
    } catch {
      // The peer is gone already.
      this.#parts.end();
    }
  }

  /** What the peer still sends does not matter, only that it is over. */
  onReadable(): void {
    try {
      if (this.#parts.receiver.discard() === 'end') this.#parts.end();
    } catch {
      this.#parts.end();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
