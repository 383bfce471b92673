import { deferred } from '../../src/deferred.js';
import { VfioUserError } from '../../src/errors.js';
import type {
  Connection,
  FrameSink,
  TransportCapabilities,
} from '../../src/transport/transport.js';
import { frameOf } from '../protocol/wire.js';

/** `send` returns `false` above so many frames that wait. */
const MOST_WAITING = 6;

/** Those of a network. */
export const MESSAGES_ONLY: TransportCapabilities = {
  fdPassing: false,
  sharedMemory: false,
  oneSidedMemory: false,
  orderedNotifications: true,
  maxFrameBytes: 2 ** 24,
  maxDescriptors: 0,
};

/** One end of a fake link. */
export class LinkEnd implements Connection {
  readonly peer: string;
  readonly capabilities = MESSAGES_ONLY;
  readonly resources = undefined;
  sink: FrameSink | undefined;
  /** Frames that have not arrived yet. The data is borrowed, as a transport may do. */
  readonly waiting: (readonly [head: Uint8Array, data: Uint8Array])[] = [];
  paused = false;
  closing = false;
  ended = false;
  #owesDrain = false;
  readonly #closed = deferred();
  #other: LinkEnd | undefined;
  /** Nothing arrives at the other end any more. */
  #broken = false;

  constructor(peer: string) {
    this.peer = peer;
  }

  join(other: LinkEnd): void {
    this.#other = other;
  }

  send(head: Uint8Array, data: Uint8Array = new Uint8Array(0)): boolean {
    if (this.ended || this.closing) return true;
    this.waiting.push([Uint8Array.from(head), data]);
    if (this.waiting.length <= MOST_WAITING) return true;
    this.#owesDrain = true;
    return false;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(): Promise<void> {
    this.closing = true;
    return this.#closed.promise;
  }

  abort(reason: Error): void {
    this.break();
    this.end(reason);
  }

  /** Up to `count` frames arrive. @returns how many did. */
  deliver(count: number): number {
    const other = this.#other;
    let arrived = 0;
    while (arrived < count && !this.#broken && other?.sink !== undefined && !other.ended) {
      if (other.paused || other.closing) break;
      const next = this.waiting.shift();
      if (next === undefined) break;
      arrived++;
      try {
        other.sink.onFrame(frameOf(Buffer.concat(next)));
      } catch (error) {
        other.abort(error as Error);
      }
    }
    if (this.#owesDrain && this.waiting.length === 0 && !this.ended && !this.closing) {
      this.#owesDrain = false;
      this.sink?.onDrain();
    }
    return arrived;
  }

  /** An orderly end arrives once everything sent before has. @returns whether something changed. */
  finish(): boolean {
    const other = this.#other;
    if (!this.closing || this.ended || this.#broken || other === undefined) return false;
    if (other.closing) this.waiting.length = 0;
    if (this.waiting.length > 0) return false;
    other.end(undefined);
    this.end(undefined);
    return true;
  }

  /** The link is cut: what has not arrived never will, and neither end knows. */
  break(): void {
    for (const end of [this, this.#other]) {
      if (end === undefined) continue;
      end.#broken = true;
      end.waiting.length = 0;
    }
  }

  get broken(): boolean {
    return this.#broken;
  }

  /** This end notices that the link is gone. @returns whether that is news. */
  notice(): boolean {
    if (!this.#broken || this.ended) return false;
    this.end(new VfioUserError('VFU_PEER_CLOSED', 'the connection was reset'));
    return true;
  }

  end(error: Error | undefined): void {
    if (this.ended) return;
    this.ended = true;
    this.waiting.length = 0;
    this.#closed.resolve();
    queueMicrotask(() => this.sink?.onClose(error));
  }
}

/** A link of two ends. */
export class FakeLink {
  readonly client = new LinkEnd('the server');
  readonly server = new LinkEnd('the client');

  constructor() {
    this.client.join(this.server);
    this.server.join(this.client);
  }
}
