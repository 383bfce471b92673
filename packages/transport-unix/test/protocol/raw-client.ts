import {
  connect,
  type FileDescriptor,
  MessageSocket,
  NativeMemory,
  Poller,
  SHUT_WR,
  shutdown,
  streamSocket,
  unixSocketAddress,
  WOULD_BLOCK,
} from '@vfio-user/posix-ffi';
import { MessageReader, type RawMessage } from './message-reader.js';
import { version } from './requests.js';
import { ERROR, type FrameOptions, frame, REPLY, VERSION } from './wire.js';

/** A test that waits for longer than this has failed. */
const PATIENCE_MS = 5000;

export interface RequestOptions extends FrameOptions {
  readonly fds?: readonly FileDescriptor[];
}

/** A vfio-user client that knows nothing: it sends the bytes it is given. */
export class RawClient {
  readonly #socket = streamSocket();
  readonly #wire = new MessageSocket(this.#socket);
  readonly #reader = new MessageReader(this.#wire);
  readonly #poller: Poller;
  readonly #inbox: RawMessage[] = [];
  readonly #checks = new Set<() => void>();
  #reading = true;
  #writable = true;
  #fault: Error | undefined;
  #lastId = 0;

  constructor(path: string) {
    connect(this.#socket, unixSocketAddress(path), path);
    this.#poller = new Poller(this.#socket, (readable, writable) =>
      this.#onReady(readable, writable),
    );
    this.#watch();
  }

  /** Messages that arrived and were not looked at yet. */
  get waiting(): number {
    return this.#inbox.length;
  }

  /** Bytes as they are, descriptors with the first of them. */
  async send(bytes: Uint8Array, fds: readonly FileDescriptor[] = []): Promise<void> {
    const memory = new NativeMemory(bytes.length);
    memory.bytes.set(bytes);
    for (let done = 0; done < bytes.length; ) {
      const left = bytes.length - done;
      const count = this.#wire.send(memory.address + done, left, 0, 0, done === 0 ? fds : []);
      if (count === WOULD_BLOCK) await this.#room();
      else done += count;
    }
  }

  /** The next message, whatever it is. */
  receive(): Promise<RawMessage> {
    return this.#until('message', () => {
      const message = this.#inbox.shift();
      if (message === undefined && this.#reader.ended) {
        throw new Error('the server has closed the connection');
      }
      return message;
    });
  }

  /** Send a request and take its reply, which must be the next message. */
  async request(
    command: number,
    payload?: Uint8Array,
    { fds, ...options }: RequestOptions = {},
  ): Promise<RawMessage> {
    const id = options.id ?? this.#nextId();
    await this.send(frame(command, payload, { ...options, id }), fds);
    return this.reply(command, id);
  }

  /** The next message, which must be the reply to this request. */
  async reply(command: number, id: number): Promise<RawMessage> {
    const message = await this.receive();
    if (message.id !== id || message.command !== command || (message.flags & 0xf) !== REPLY) {
      throw new Error(`not the reply to command ${command} with id ${id}: ${describe(message)}`);
    }
    return message;
  }

  /** The payload of a request's success reply. */
  async call(command: number, payload?: Uint8Array, options?: RequestOptions): Promise<Buffer> {
    return payloadOf(await this.request(command, payload, options));
  }

  /** The errno of a request's error reply. */
  async refusal(command: number, payload?: Uint8Array, options?: RequestOptions): Promise<number> {
    return errnoOf(await this.request(command, payload, options));
  }

  /** Exchange VERSION 0.1 and return the payload of the reply. */
  negotiate(json?: string): Promise<Buffer> {
    return this.call(VERSION, version(0, 1, json));
  }

  /** Resolves when the server has closed the connection. */
  async closed(): Promise<void> {
    await this.#until('end of the connection', () => this.#reader.ended || undefined);
  }

  stopReading(): void {
    this.#reading = false;
    this.#watch();
  }

  resumeReading(): void {
    this.#reading = true;
    this.#watch();
  }

  /** No more bytes will be sent; the server's are still read. */
  finish(): void {
    shutdown(this.#socket, SHUT_WR);
  }

  /** Gone, as when the process is killed. Descriptors that were received are closed too. */
  close(): void {
    this.#poller.close();
    this.#socket.close();
    this.#fault = new Error('the client was closed');
    this.#check();
    for (const descriptor of this.#reader.descriptors) descriptor.close();
  }

  #nextId(): number {
    this.#lastId = (this.#lastId + 1) & 0xffff;
    return this.#lastId;
  }

  async #room(): Promise<void> {
    this.#writable = false;
    this.#watch();
    await this.#until('room to send', () => this.#writable || undefined);
  }

  #watch(): void {
    this.#poller.watch(this.#reading && !this.#reader.ended, !this.#writable);
  }

  #onReady(readable: boolean, writable: boolean): void {
    if (writable) this.#writable = true;
    try {
      if (readable && this.#reading) {
        for (let next = this.#reader.next(); next !== undefined; next = this.#reader.next()) {
          this.#inbox.push(next);
        }
      }
    } catch (error) {
      this.#fault = error as Error;
    }
    this.#watch();
    this.#check();
  }

  #check(): void {
    for (const check of [...this.#checks]) check();
  }

  #until<T>(what: string, ready: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.#checks.delete(check);
        settle();
      };
      const timer = setTimeout(
        () => end(() => reject(new Error(`no ${what} within ${PATIENCE_MS} ms`))),
        PATIENCE_MS,
      );
      const check = (): void => {
        try {
          if (this.#fault !== undefined) throw this.#fault;
          const value = ready();
          if (value !== undefined) end(() => resolve(value));
        } catch (error) {
          end(() => reject(error));
        }
      };
      this.#checks.add(check);
      check();
    });
  }
}

/** The payload of a success reply. */
export function payloadOf(reply: RawMessage): Buffer {
  if (reply.flags !== REPLY || reply.errno !== 0) {
    throw new Error(`not a success reply: ${describe(reply)}`);
  }
  return reply.payload;
}

/** The errno of an error reply, which is a header alone with both flags and a number. */
export function errnoOf(reply: RawMessage): number {
  if (reply.flags !== (REPLY | ERROR) || reply.errno === 0 || reply.payload.length > 0) {
    throw new Error(`not a proper error reply: ${describe(reply)}`);
  }
  return reply.errno;
}

function describe({ payload, fds, ...header }: RawMessage): string {
  return JSON.stringify({ ...header, payloadBytes: payload.length, fds: fds.length });
}
