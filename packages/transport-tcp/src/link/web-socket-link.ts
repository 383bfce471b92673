import type { WebSocket } from 'ws';
import type { Link, LinkEvents } from './link.js';

/** The binary messages of a WebSocket as one byte stream: a message ends where it likes. */
export class WebSocketLink implements Link {
  readonly #socket: WebSocket;
  readonly #explain: (error: Error) => Error;

  /** `explain` turns the errors of the socket into readable ones. */
  constructor(socket: WebSocket, explain: (error: Error) => Error) {
    this.#socket = socket;
    this.#explain = explain;
    socket.binaryType = 'nodebuffer';
    socket.pause();
    // One that arrives after terminate() has nobody to tell.
    socket.on('error', () => {});
  }

  start({ onData, onEnd, onError }: LinkEvents): void {
    const socket = this.#socket;
    socket.on('message', (data, isBinary) => {
      if (isBinary) onData(data as Buffer);
      else onError(new Error('a WebSocket message of text: this protocol is binary'));
    });
    socket.on('error', (error) => onError(this.#explain(error)));
    socket.on('close', (code) => {
      // Without a closing handshake the stream just broke off.
      if (code === ABNORMAL) onError(new Error('the connection broke off'));
      else onEnd();
    });
    if (socket.readyState === socket.CLOSED) queueMicrotask(onEnd);
    else socket.resume();
  }

  write(parts: readonly Uint8Array[], onLeft: () => void): void {
    const last = parts.length - 1;
    for (let i = 0; i < last; i++) this.#send(parts[i] as Uint8Array);
    this.#send(parts[last] as Uint8Array, onLeft);
  }

  /** In messages of a size that the other side need not collect for long. */
  #send(bytes: Uint8Array, onLeft?: () => void): void {
    const rest = Math.max(0, bytes.length - MESSAGE_BYTES);
    for (let at = 0; at < rest; at += MESSAGE_BYTES) {
      this.#socket.send(bytes.subarray(at, at + MESSAGE_BYTES), SEND_OPTIONS);
    }
    const sent = Math.ceil(rest / MESSAGE_BYTES) * MESSAGE_BYTES;
    this.#socket.send(bytes.subarray(sent), SEND_OPTIONS, onLeft);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.close(NORMAL);
  }

  destroy(): void {
    this.#socket.terminate();
  }
}

/** Largest message sent, bytes. */
const MESSAGE_BYTES = 0x4_0000;
const SEND_OPTIONS = { binary: true, compress: false };
const NORMAL = 1000;
const ABNORMAL = 1006;
