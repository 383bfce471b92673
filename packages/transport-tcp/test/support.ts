import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  type Connection,
  type Frame,
  type FrameSink,
  type Framing,
  type Handshake,
  type Listener,
  type Logger,
  ProtocolViolationError,
  silentLogger,
} from '@vfio-user/core';
import { parseUri } from '@vfio-user/core/transport';
import type { Test } from 'tap';
import { type TcpTransportOptions, tcpTransport } from '../src/index.js';

/** Four bytes of length, nothing more. */
export const framing: Framing = {
  headerBytes: 4,
  frameLength(view, offset) {
    const length = view.getUint32(offset, true);
    if (length > 0x1000_0000) throw new ProtocolViolationError(`a message of ${length} bytes`);
    return length;
  },
  mayCarryDescriptors: () => false,
};

/** Limits of a preface in which nothing is pushed and no sign of life asked for. */
export const IDLE_LIMITS = {
  maxFrameBytes: 2 ** 20,
  maxRecordBytes: 65_536,
  maxPushBytes: 0,
  maxPushRules: 0,
  windowMessages: 4096,
  windowBytes: 2 ** 20,
  silenceMs: 0,
};

/** A message of `length` bytes, all but its header `fill`. */
export function message(length: number, fill = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length).fill(fill);
  new DataView(bytes.buffer).setUint32(0, length, true);
  return bytes;
}

/** What {@link HelloHandshake} says. */
export const GREETING = Buffer.from('hello, frames!\n');

/** Says a line and wants to hear the same. */
export class HelloHandshake implements Handshake {
  readonly greeting = GREETING;

  consume(bytes: Uint8Array): number | undefined {
    const start = bytes.subarray(0, GREETING.length);
    if (Buffer.compare(start, GREETING.subarray(0, start.length)) !== 0) {
      throw new ProtocolViolationError('that is no hello');
    }
    return start.length < GREETING.length ? undefined : GREETING.length;
  }
}

/** Takes down what a sink is told, and lets a test wait for it. */
export class Recorder implements FrameSink {
  readonly frames: Uint8Array[] = [];
  readonly closes: (Error | undefined)[] = [];
  drains = 0;
  #waiting: { readonly done: () => boolean; readonly resolve: () => void }[] = [];

  onFrame({ bytes, start, length }: Frame): void {
    this.frames.push(bytes.slice(start, start + length));
    this.#wake();
  }

  onDrain(): void {
    this.drains++;
    this.#wake();
  }

  onClose(error?: Error): void {
    this.closes.push(error);
    this.#wake();
  }

  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ done, resolve }));
  }

  async closed(): Promise<Error | undefined> {
    await this.until(() => this.closes.length > 0);
    return this.closes[0];
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ done }) => !done());
    for (const each of waiting) if (!this.#waiting.includes(each)) each.resolve();
  }
}

/** Keeps the warnings of a listener, and lets a test wait for one. */
export class Warnings {
  readonly texts: string[] = [];
  readonly logger: Logger = {
    ...silentLogger,
    warn: (fields, text) => {
      this.texts.push(`${text}: ${JSON.stringify(fields)}`);
      for (const resolve of this.#waiting.splice(0)) resolve();
    },
  };
  #waiting: (() => void)[] = [];

  /** The next one that nobody waited for yet. */
  async next(): Promise<string> {
    while (this.texts.length === 0) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.texts.shift() as string;
  }
}

/** A listener under test. */
export interface Host {
  readonly listener: Listener;
  readonly uri: URL;
  readonly warnings: Warnings;
  /** Connections that got as far as being accepted, and their sinks. */
  readonly connections: Connection[];
  readonly sinks: Recorder[];
  /** Resolves once the connection number `index` is there. */
  accepted(index: number): Promise<Connection>;
}

export interface HostOptions extends TcpTransportOptions {
  /** Begin connections with {@link HelloHandshake}. Default `true`. */
  readonly greets?: boolean;
}

/** Listen on `uri`; everything is closed when the test ends. */
export async function listen(t: Test, uri: string, options: HostOptions = {}): Promise<Host> {
  const { greets = true, ...rest } = options;
  const warnings = new Warnings();
  const connections: Connection[] = [];
  const sinks: Recorder[] = [];
  let wake: () => void = () => {};
  const listener = await tcpTransport(rest).listen(
    parseUri(uri),
    (connection) => {
      const sink = new Recorder();
      connections.push(connection);
      sinks.push(sink);
      wake();
      return sink;
    },
    {
      framing,
      logger: warnings.logger,
      ...(greets && { handshake: () => new HelloHandshake() }),
    },
  );
  t.teardown(async () => {
    for (const connection of connections) connection.abort(new Error('end of test'));
    await listener.close();
  });
  return {
    listener,
    get uri() {
      return new URL(listener.uri);
    },
    warnings,
    connections,
    sinks,
    async accepted(index) {
      while (connections.length <= index) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return connections[index] as Connection;
    },
  };
}

/** Connect to `uri`; closed when the test ends. */
export async function join(
  t: Test,
  uri: URL | string,
  options: HostOptions = {},
): Promise<{ readonly connection: Connection; readonly sink: Recorder }> {
  const { greets = true, ...rest } = options;
  const sink = new Recorder();
  const handshake = greets ? { handshake: () => new HelloHandshake() } : {};
  const connection = await tcpTransport(rest).connect(parseUri(String(uri)), () => sink, {
    framing,
    ...handshake,
  });
  t.teardown(() => connection.abort(new Error('end of test')));
  return { connection, sink };
}

/** A plain socket to where `uri` listens. */
export async function rawSocket(t: Test, uri: URL): Promise<Socket> {
  const socket = connect(Number(uri.port), uri.hostname);
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Everything the other side sends, until it ends. */
export async function untilEnd(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (bytes) => pieces.push(bytes));
  // Also an end by an error is one.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(pieces);
}
