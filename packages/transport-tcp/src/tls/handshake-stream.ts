import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { addressOf, NativeMemory, TAG_BYTES } from '@vfio-user/posix-ffi';
import { receivedBehind } from '../link/received-bytes.js';
import {
  ContentType,
  MAX_CONTENT_BYTES,
  MAX_ENCRYPTED_BYTES,
  RECORD_HEADER_BYTES,
} from './record.js';
import { RecordCutter } from './record-cutter.js';
import { RecordOpener } from './record-protection.js';
import { suiteOf, TrafficSecret } from './traffic-secret.js';

/** What a handshake has brought about. */
export interface Handshaken {
  readonly isServer: boolean;
  readonly receiving: TrafficSecret;
  readonly sending: TrafficSecret;
  /** Received behind the handshake, still encrypted. */
  readonly received: Uint8Array;
}

/** Lines of a key log have such labels in front of the secrets of application data. */
const LABELS = { client: 'CLIENT_TRAFFIC_SECRET_0', server: 'SERVER_TRAFFIC_SECRET_0' } as const;

type Side = keyof typeof LABELS;

/** Marks the end of what Node has to send. */
const MARK = Uint8Array.of(0);

/**
 * Carries the handshake of Node's TLS, record by record, and nothing of what follows: a record that
 * the keys of application data open belongs to whoever goes on after {@link finish}.
 */
export class HandshakeStream extends Duplex {
  readonly #socket: Socket;
  readonly #side: Side;
  readonly #incoming = new RecordCutter();
  readonly #outgoing = new RecordCutter();
  readonly #secrets: { [Key in Side]?: TrafficSecret } = {};
  readonly #trials: { [Key in Side]?: Trial } = {};
  /** The next record received is application data. */
  #isBehind = false;
  #unsent = 0;
  #marked = false;
  #onFinished: (() => void) | undefined;
  /** The socket is somebody else's. */
  #isOver = false;

  constructor(socket: Socket, side: Side) {
    // Each record is processed before the next is looked at.
    super({ readableHighWaterMark: 0, allowHalfOpen: true });
    this.#socket = socket;
    this.#side = side;
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  /** Takes a line of the `keylog` event of `secured`. */
  onKeyLog(line: Buffer, secured: TLSSocket): void {
    const [label, , hex] = String(line).trim().split(' ');
    for (const side of ['client', 'server'] as const) {
      if (label !== LABELS[side] || hex === undefined) continue;
      const suite = suiteOf(secured.getCipher().standardName);
      const secret = new TrafficSecret(suite, Buffer.from(hex, 'hex'));
      this.#secrets[side] = secret;
      this.#trials[side] = new Trial(secret);
    }
  }

  /**
   * End the part of Node, once `secured` is through its handshake: `done` is called when everything
   * that had to be sent is sent, and nothing reads the socket any more.
   */
  finish(secured: TLSSocket, done: (error?: Error) => void): void {
    const onClose = (): void => done(new Error('the connection was closed'));
    if (this.destroyed) {
      onClose();
      return;
    }
    this.once('close', onClose);
    secured.on('error', () => {});
    this.#socket.pause();
    this.#onFinished = () => {
      this.removeListener('close', onClose);
      this.#onFinished = undefined;
      done();
      secured.destroy();
    };
    secured.write(MARK);
  }

  /** What the handshake has brought about. */
  get result(): Handshaken {
    const { client, server } = this.#secrets as Record<Side, TrafficSecret>;
    const isClient = this.#side === 'client';
    return {
      isServer: !isClient,
      receiving: isClient ? server : client,
      sending: isClient ? client : server,
      received: receivedBehind(this.#socket, this.#incoming.rest()),
    };
  }

  override _read(): void {
    this.#feed();
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: () => void): void {
    this.#outgoing.append(chunk);
    for (;;) {
      const record = this.#outgoing.take();
      if (record === undefined) break;
      this.#send(record);
    }
    callback();
    this.#onSent();
  }

  override _final(callback: () => void): void {
    if (this.#isOver) callback();
    else this.#socket.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    for (const trial of Object.values(this.#trials)) trial.close();
    if (!this.#isOver) this.#socket.destroy();
    callback(error);
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#incoming.append(bytes);
    this.#feed();
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  readonly #onError = (error: Error): void => {
    this.destroy(error);
  };

  readonly #onClose = (): void => {
    this.destroy();
  };

  /** Pass the next records on. */
  #feed(): void {
    while (!this.#isBehind && this.readableLength === 0 && !this.destroyed) {
      const record = this.#incoming.peek();
      if (record === undefined) return;
      const trial = this.#trials[this.#side === 'client' ? 'server' : 'client'];
      this.#isBehind = trial?.open(record) !== undefined;
      if (this.#isBehind) {
        this.#socket.pause();
        return;
      }
      this.#incoming.take();
      this.push(record);
    }
  }

  /** What Node sends behind its handshake is a ticket, which is not needed, or the mark. */
  #send(record: Uint8Array): void {
    const type = this.#marked ? ContentType.HANDSHAKE : this.#trials[this.#side]?.open(record);
    if (type === ContentType.APPLICATION_DATA) this.#marked = true;
    if (type === ContentType.APPLICATION_DATA || type === ContentType.HANDSHAKE) return;
    this.#unsent++;
    this.#socket.write(record, () => {
      this.#unsent--;
      this.#onSent();
    });
  }

  #onSent(): void {
    if (!this.#marked || this.#unsent > 0 || this.#onFinished === undefined) return;
    const socket = this.#socket;
    socket.removeListener('data', this.#onData);
    socket.removeListener('end', this.#onEnd);
    socket.removeListener('error', this.#onError);
    socket.removeListener('close', this.#onClose);
    socket.on('error', () => {});
    this.#isOver = true;
    this.#onFinished();
  }
}

/** Tells records of application data from those before, by whether its key opens them. */
class Trial {
  readonly #opener: RecordOpener;
  readonly #target = new NativeMemory(MAX_ENCRYPTED_BYTES);

  constructor(secret: TrafficSecret) {
    this.#opener = new RecordOpener(secret);
  }

  /** The type of its content if the key opens it. */
  open(record: Uint8Array): number | undefined {
    const length = record.length - RECORD_HEADER_BYTES - TAG_BYTES;
    if (record[0] !== ContentType.APPLICATION_DATA || length <= 0) return undefined;
    if (length > MAX_CONTENT_BYTES + 1) return undefined;
    const { address, bytes } = this.#target;
    if (!this.#opener.open(addressOf(record), length, address)) return undefined;
    let at = length - 1;
    while (at > 0 && bytes[at] === 0) at--;
    return bytes[at];
  }

  close(): void {
    this.#opener.close();
  }
}
