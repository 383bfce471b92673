import { VfioUserError } from '@vfio-user/core';
import {
  FramedConnection,
  type PortFactory,
  type PortLayer,
  type ReceiveBuffer,
  type StreamEvents,
  type StreamPort,
} from '@vfio-user/core/transport';
import type { ConnectionParts } from '../connection-parts.js';
import type { Link } from './link.js';
import { LinkWriter } from './link-writer.js';

/**
 * Frames over a {@link Link}, which belongs to the connection.
 * @param layer what lies between frames and the link.
 */
export function linkConnection(
  link: Link,
  { peer, identity, framing, capabilities, settings }: ConnectionParts,
  layer?: PortLayer,
): FramedConnection {
  const own: PortFactory = (events) => new LinkPort(link, peer, events);
  const port = layer === undefined ? own : layer(own);
  return new FramedConnection({ peer, identity, framing, capabilities, limits: settings, port });
}

/** The bytes of a {@link Link}, which it owns. */
class LinkPort implements StreamPort {
  readonly gathers = true;
  readonly #link: Link;
  readonly #peer: string;
  readonly #events: StreamEvents;
  readonly #writer: LinkWriter;
  /** Received and not read; of the first, `#read` bytes were. */
  readonly #received: Uint8Array[] = [];
  #read = 0;

  constructor(link: Link, peer: string, events: StreamEvents) {
    this.#link = link;
    this.#peer = peer;
    this.#events = events;
    this.#writer = new LinkWriter(link, () => events.onSent());
  }

  get queuedBytes(): number {
    return this.#writer.queuedBytes;
  }

  start(): void {
    this.#link.start({
      onData: (bytes) => {
        this.#received.push(bytes);
        this.#events.onReceived();
      },
      onEnd: () => this.#events.onEnd(),
      onError: (error) => this.#events.onGone(broken(this.#peer, error)),
    });
  }

  send(head: Uint8Array, data: Uint8Array): void {
    this.#writer.append(head, data);
  }

  push(): void {
    this.#writer.flush();
  }

  read(assembler: ReceiveBuffer): boolean {
    const [bytes] = this.#received;
    if (bytes === undefined) return false;
    assembler.reserve();
    const end = Math.min(bytes.length, this.#read + assembler.space);
    assembler.bytes.set(bytes.subarray(this.#read, end), assembler.end);
    assembler.commit(end - this.#read);
    this.#read = end;
    if (end === bytes.length) {
      this.#received.shift();
      this.#read = 0;
    }
    return true;
  }

  pause(): void {
    this.#link.pause();
  }

  resume(): void {
    this.#link.resume();
  }

  end(): void {
    this.#link.end();
  }

  destroy(): void {
    this.#link.destroy();
  }
}

function broken(peer: string, cause: Error): VfioUserError {
  if (VfioUserError.is(cause)) return cause;
  return new VfioUserError('VFU_PEER_CLOSED', `lost ${peer}: ${cause.message}`, { cause });
}
