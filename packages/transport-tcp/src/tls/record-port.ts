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
import { alertFailure } from './failure.js';
import { PostHandshake } from './post-handshake.js';
import { AlertDescription, ContentType, TlsViolation } from './record.js';
import { RecordOpener, RecordSealer } from './record-protection.js';
import { RecordReader } from './record-reader.js';
import { RECORDS_PER_KEY, RecordWriter } from './record-writer.js';
import type { TrafficSecret } from './traffic-secret.js';

/** TLS after its handshake. */
export interface RecordParts {
  /** For logs. */
  readonly peer: string;
  readonly isServer: boolean;
  /** Of what is received, and of what is sent. */
  readonly receiving: TrafficSecret;
  readonly sending: TrafficSecret;
  /** What was received behind the handshake. */
  readonly received: Uint8Array;
  /** Default: as many as are safe. */
  readonly recordsPerKey?: number;
}

/** Application data of TLS 1.3 as a byte stream (RFC 8446, section 5). */
export function recordLayer(parts: RecordParts): PortLayer {
  return (below) => (events) => new RecordPort(below, parts, events);
}

const FATAL = 2;
const WARNING = 1;

class RecordPort implements StreamPort, StreamEvents {
  readonly assembler: ReceivedBytes;
  readonly #peer: string;
  readonly #events: StreamEvents;
  readonly #below: StreamPort;
  readonly #opener: RecordOpener;
  readonly #sealer: RecordSealer;
  readonly #reader: RecordReader;
  readonly #writer: RecordWriter;
  readonly #postHandshake: PostHandshake;
  /** Nothing follows: the peer has closed, or the stream has failed. */
  #over = false;
  /** The stream below is ended once everything is sent. */
  #ending = false;

  constructor(below: PortFactory, parts: RecordParts, events: StreamEvents) {
    const { peer, isServer, receiving, sending, received, recordsPerKey } = parts;
    this.assembler = new ReceivedBytes(received);
    this.#peer = peer;
    this.#events = events;
    this.#below = below(this);
    this.#sealer = new RecordSealer(sending);
    this.#opener = new RecordOpener(receiving);
    this.#writer = new RecordWriter(this.#below, this.#sealer, recordsPerKey ?? RECORDS_PER_KEY);
    this.#reader = new RecordReader(this.#opener, {
      onControl: (type, fragment) => this.#onControl(type, fragment),
    });
    this.#postHandshake = new PostHandshake(isServer, {
      onKeyUpdate: (request) => {
        this.#opener.updateKey();
        if (request) this.#writer.keyUpdateRequested();
      },
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
    this.#writer.push();
  }

  read(assembler: ReceiveBuffer): boolean {
    try {
      while (!this.#over) {
        if (this.#reader.read(this.assembler, assembler) > 0) return true;
        if (this.#over || !this.#below.read(this.assembler)) break;
      }
    } catch (error) {
      if (!(error instanceof TlsViolation)) throw error;
      this.#alert(FATAL, error.alert);
      this.onGone(this.#lost(`it broke the rules of TLS: ${error.message}`, error));
    }
    return false;
  }

  pause(): void {
    this.#below.pause();
  }

  resume(): void {
    this.#below.resume();
  }

  end(): void {
    this.#alert(WARNING, AlertDescription.CLOSE_NOTIFY);
    this.#ending = true;
    this.#endBelow();
  }

  destroy(error: Error | undefined): void | Promise<void> {
    this.#over = true;
    this.#sealer.close();
    this.#opener.close();
    return this.#below.destroy(error);
  }

  onReceived(): void {
    this.#events.onReceived();
  }

  onSent(waitedBytes?: number): void {
    this.#writer.resume();
    if (this.#ending) this.#endBelow();
    this.#events.onSent(waitedBytes);
  }

  onEnd(reason?: Error): void {
    if (!this.#over) this.#events.onEnd(reason);
  }

  onGone(error?: Error): void {
    this.#over = true;
    this.#events.onGone(error);
  }

  #endBelow(): void {
    if (this.#below.queuedBytes > 0) return;
    this.#ending = false;
    this.#below.end();
  }

  #onControl(type: number, fragment: Uint8Array): boolean {
    if (type === ContentType.HANDSHAKE) {
      this.#postHandshake.receive(fragment);
    } else if (type === ContentType.ALERT) {
      this.#onAlert(fragment);
    } else {
      const text = `a record with content of type ${type}`;
      throw new TlsViolation(text, AlertDescription.UNEXPECTED_MESSAGE);
    }
    return !this.#over;
  }

  #onAlert(fragment: Uint8Array): void {
    const [, description] = fragment;
    if (fragment.length !== 2 || description === undefined) {
      throw new TlsViolation('a malformed alert', AlertDescription.DECODE_ERROR);
    }
    if (description === AlertDescription.CLOSE_NOTIFY) {
      this.#over = true;
      this.#events.onEnd();
    } else if (description !== AlertDescription.USER_CANCELED) {
      this.onGone(this.#lost(alertFailure(description)));
    }
  }

  #alert(level: number, description: number): void {
    this.#writer.control(ContentType.ALERT, Uint8Array.of(level, description));
  }

  #lost(why: string, cause?: Error): VfioUserError {
    return new VfioUserError('VFU_PEER_CLOSED', `lost ${this.#peer}: ${why}`, { cause });
  }
}
