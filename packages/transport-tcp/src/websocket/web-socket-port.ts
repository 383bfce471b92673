import { VfioUserError } from '@vfio-user/core';
import type {
  ConnectionState,
  PortFactory,
  PortLayer,
  ReceiveBuffer,
  StreamEvents,
  StreamPort,
} from '@vfio-user/core/transport';
import { ReceivedBytes } from '../link/received-bytes.js';
import { CloseCode, mayBeSent, Opcode, WebSocketViolation } from './frame-header.js';
import { FrameReader } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';

/** A WebSocket after its handshake. */
export interface WebSocketParts {
  /** For logs. */
  readonly peer: string;
  readonly isServer: boolean;
  /** Largest message that is received, bytes. */
  readonly maxMessageBytes: number;
  /** What was received behind the handshake. */
  readonly received: Uint8Array;
}

/** The binary messages of a WebSocket as one byte stream: a message ends where it likes. */
export function webSocketLayer(parts: WebSocketParts): PortLayer {
  return (below) => (events) => new WebSocketPort(below, parts, events);
}

/** Pongs wait for a peer that reads nothing up to this many bytes. */
const MAX_PONG_QUEUE_BYTES = 0x1_0000;

class WebSocketPort implements StreamPort, StreamEvents {
  readonly assembler: ReceivedBytes;
  readonly #peer: string;
  readonly #events: StreamEvents;
  readonly #below: StreamPort;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  /** A close was sent. */
  #closed = false;
  /** Nothing follows: a close was received, or the stream has failed. */
  #over = false;
  /** The peer has ended the stream below. */
  #belowEnded = false;

  constructor(below: PortFactory, parts: WebSocketParts, events: StreamEvents) {
    const { peer, isServer, maxMessageBytes, received } = parts;
    this.assembler = new ReceivedBytes(received);
    this.#peer = peer;
    this.#events = events;
    this.#below = below(this);
    this.#writer = new FrameWriter(this.#below, !isServer);
    this.#reader = new FrameReader({
      masked: isServer,
      maxMessageBytes,
      onControl: (opcode, payload) => this.#onControl(opcode, payload),
    });
  }

  get gathers(): boolean {
    return this.#below.gathers;
  }

  get queuedBytes(): number {
    return this.#writer.queuedBytes;
  }

  get state(): ConnectionState {
    return this.#events.state;
  }

  get paused(): boolean {
    return this.#events.paused;
  }

  start(): void {
    this.#below.start();
    if (this.assembler.end > 0) queueMicrotask(() => this.#events.onReceived());
  }

  send(head: Uint8Array, data: Uint8Array, _descriptors: readonly [], more: boolean): void {
    this.#writer.write(head, data, more);
  }

  push(): void {
    this.#below.push();
  }

  read(assembler: ReceiveBuffer): boolean {
    try {
      while (!this.#over) {
        if (this.#reader.read(this.assembler, assembler) > 0) return true;
        if (this.#over || !this.#below.read(this.assembler)) break;
      }
    } catch (error) {
      if (!(error instanceof WebSocketViolation)) throw error;
      this.#close(error.code);
      this.onGone(this.#lost(error));
    }
    // Without a closing handshake the stream just broke off.
    if (this.#belowEnded && !this.#over) this.onGone(this.#lost(new Error(BROKEN_OFF)));
    return false;
  }

  pause(): void {
    this.#below.pause();
  }

  resume(): void {
    this.#below.resume();
  }

  end(): void {
    this.#close(CloseCode.NORMAL);
  }

  destroy(error: Error | undefined): void | Promise<void> {
    this.#over = true;
    return this.#below.destroy(error);
  }

  onReceived(): void {
    this.#events.onReceived();
  }

  onSent(waitedBytes?: number): void {
    this.#writer.resume();
    this.#events.onSent(waitedBytes);
  }

  onEnd(): void {
    this.#belowEnded = true;
    // Found by `read`, once everything before it is delivered.
    this.#events.onReceived();
  }

  onGone(error?: Error): void {
    this.#over = true;
    this.#events.onGone(error);
  }

  #onControl(opcode: number, payload: Uint8Array): void {
    if (opcode === Opcode.PING) {
      if (!this.#closed && this.#below.queuedBytes < MAX_PONG_QUEUE_BYTES) {
        this.#writer.control(Opcode.PONG, payload);
      }
    } else if (opcode === Opcode.CLOSE) {
      const code = codeOf(payload);
      this.#over = true;
      // With the same code, if there is one.
      this.#close(code);
      this.#events.onEnd();
    }
  }

  #close(code: number | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    const payload = code === undefined ? NO_BYTES : Uint8Array.of(code >> 8, code & 0xff);
    this.#writer.control(Opcode.CLOSE, payload);
  }

  #lost(cause: Error): VfioUserError {
    return new VfioUserError('VFU_PEER_CLOSED', `lost ${this.#peer}: ${cause.message}`, { cause });
  }
}

/** @throws {WebSocketViolation} for a code that no frame may have. */
function codeOf(payload: Uint8Array): number | undefined {
  if (payload.length === 0) return undefined;
  const code = (payload[0]! << 8) | payload[1]!;
  if (!mayBeSent(code)) throw new WebSocketViolation(`a close with the code ${code}`);
  return code;
}

const NO_BYTES = new Uint8Array(0);
const BROKEN_OFF = 'the connection broke off';
