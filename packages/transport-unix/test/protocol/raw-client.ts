import {
  connect,
  FileDescriptor,
  MessageSocket,
  NativeMemory,
  Poller,
  shutdown,
  SHUT_WR,
  streamSocket,
  unixSocketAddress,
  WOULD_BLOCK,
} from '@vfio-user/posix-ffi';
import { version } from './requests.js';
import { ERROR, type FrameOptions, frame, HEADER_BYTES, REPLY, VERSION } from './wire.js';

/** A test that waits for longer than this has failed. */
const PATIENCE_MS = 5000;
const SCRATCH_BYTES = 0x1_0000;

/** One message as it arrived. */
export interface RawMessage {
  readonly id: number;
  readonly command: number;
  readonly flags: number;
  readonly errno: number;
  readonly payload: Buffer;
  readonly fds: readonly FileDescriptor[];
}

export interface RequestOptions extends FrameOptions {
  readonly fds?: readonly FileDescriptor[];
}

/**
 * A vfio-user client that knows nothing: it sends the bytes it is given, and receives as the strict
 * clients in the field do. The header must come in one piece, and descriptors with the header.
 */
export class RawClient {
  readonly #socket = streamSocket();
  readonly #wire = new MessageSocket(this.#socket);
  readonly #poller: Poller;
  readonly #scratch = new NativeMemory(SCRATCH_BYTES);
  readonly #inbox: RawMessage[] = [];
  readonly #checks = new Set<() => void>();
  readonly #received: FileDescriptor[] = [];
  #header: Buffer | undefined;
  #payload: Buffer[] = [];
  #payloadBytes = 0;
  #fds: readonly FileDescriptor[] = [];
  #ended = false;
  #reading = true;
  #fault: Error | undefined;
  #lastId = 0;

  constructor(path: string) {
    connect(this.#socket, unixSocketAddress(path), path);
    this.#poller = new Poller(this.#socket, () => this.#onReady());
    this.#poller.watch(true, false);
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
      if (count === WOULD_BLOCK) await this.#writable();
      else done += count;
    }
  }

  /** The next message, whatever it is. */
  receive(): Promise<RawMessage> {
    return this.#until('message', () => {
      const message = this.#inbox.shift();
      if (message === undefined && this.#ended) throw new Error('the server closed the connection');
      return message;
    });
  }

  /** Send a request and take its reply, which must be the next message. */
  async request(
    command: number,
    payload?: Uint8Array,
    { fds, ...options }: RequestOptions = {},
  ): Promise<RawMessage> {
    this.#lastId = options.id ?? (this.#lastId + 1) & 0xffff;
    await this.send(frame(command, payload, { ...options, id: this.#lastId }), fds);
    return this.reply(command, this.#lastId);
  }

  /** The next message, which must be the reply to this request. */
  async reply(command: number, id: number): Promise<RawMessage> {
    const message = await this.receive();
    if (message.id !== id || message.command !== command || (message.flags & 0xf) !== REPLY) {
      throw new Error(`not the reply to ${command} (id ${id}): ${JSON.stringify(message)}`);
    }
    return message;
  }

  /** The payload of a request's success reply. */
  async call(command: number, payload?: Uint8Array, options?: RequestOptions): Promise<Buffer> {
    const reply = await this.request(command, payload, options);
    if (reply.flags !== REPLY || reply.errno !== 0) {
      throw new Error(`command ${command} failed: flags ${reply.flags}, errno ${reply.errno}`);
    }
    return reply.payload;
  }

  /** The errno of a request's error reply, which is a header alone. */
  async refusal(command: number, payload?: Uint8Array, options?: RequestOptions): Promise<number> {
    return errnoOf(await this.request(command, payload, options));
  }

  async negotiate(json?: string): Promise<Buffer> {
    return this.call(VERSION, version(0, 1, json));
  }

  /** Resolves when the server has closed the connection. */
  async closed(): Promise<void> {
    await this.#until('end of the connection', () => this.#ended || undefined);
  }

  stopReading(): void {
    this.#reading = false;
    this.#poller.watch(false, false);
  }

  resumeReading(): void {
    this.#reading = true;
    this.#poller.watch(true, false);
  }

  /** No more bytes will be sent; the server's are still read. */
  finish(): void {
    shutdown(this.#socket, SHUT_WR);
  }

  /** Gone, as when the process is killed. Descriptors that were received are closed too. */
  close(): void {
    this.#ended = true;
    this.#poller.close();
    this.#socket.close();
    for (const descriptor of this.#received) descriptor.close();
  }

  #onReady(): void {
    try {
      while (this.#reading && !this.#ended && this.#receiveSome());
    } catch (error) {
      this.#fault = error as Error;
    }
    for (const check of [...this.#checks]) check();
  }

  /** @returns whether there may be more to receive. */
  #receiveSome(): boolean {
    const want =
      this.#header === undefined ? HEADER_BYTES : this.#messageBytes() - this.#payloadBytes;
    const count = this.#wire.receive(this.#scratch.address, Math.min(want, SCRATCH_BYTES));
    if (count === WOULD_BLOCK) return false;
    if (count === 0) {
      this.#ended = true;
      this.#poller.watch(false, false);
      return false;
    }
    const bytes = Buffer.from(this.#scratch.bytes.subarray(0, count));
    const fds = this.#wire.takeDescriptors();
    this.#received.push(...fds);
    if (this.#header === undefined) this.#beginMessage(bytes, fds);
    else if (fds.length > 0) throw new Error('descriptors came behind the header');
    else this.#payload.push(bytes);
    if (this.#payloadBytes + (this.#payload.at(-1)?.length ?? 0) > 0) this.#countPayload();
    this.#finishMessage();
    return true;
  }
}

/** The errno of an error reply, after checking that it is a proper one. */
export function errnoOf(reply: RawMessage): number {
  if (reply.flags !== (REPLY | ERROR) || reply.errno === 0 || reply.payload.length > 0) {
    throw new Error(`not a proper error reply: ${JSON.stringify(reply)}`);
  }
  return reply.errno;
}
