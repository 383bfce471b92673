import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Connection,
  type Descriptor,
  type Frame,
  type FrameSink,
  type Framing,
  type Listener,
  ProtocolViolationError,
  type Transport,
} from '@vfio-user/core';
import type { Test } from 'tap';
import { unixTransport } from '../src/index.js';

/** Four bytes of length, nothing more; descriptors where the fifth byte is 1. */
export const framing: Framing = {
  headerBytes: 5,
  frameLength(view, offset) {
    const length = view.getUint32(offset, true);
    if (length > 0x4000_0000) throw new ProtocolViolationError(`${length} bytes`);
    return length;
  },
  mayCarryDescriptors: (view, offset) => view.getUint8(offset + 4) === 1,
};

/** A message of `length` bytes, all but its header `fill`. */
export function message(length: number, fill = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length).fill(fill);
  new DataView(bytes.buffer).setUint32(0, length, true);
  bytes[4] = 0;
  return bytes;
}

/** Keeps what it receives, and lets a test wait for it. */
export class Recorder implements FrameSink {
  readonly messages: Uint8Array[] = [];
  readonly descriptors: Descriptor[][] = [];
  drained = 0;
  closes: (Error | undefined)[] = [];
  onMessage: (frame: Frame) => void = () => {};
  #waiting: { readonly done: () => boolean; readonly resolve: () => void }[] = [];

  onFrame(frame: Frame): void {
    this.messages.push(frame.bytes.slice(frame.start, frame.start + frame.length));
    this.descriptors.push([...frame.descriptors]);
    this.onMessage(frame);
    this.#wake();
  }

  onDrain(): void {
    this.drained += 1;
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

/** Not `t.testdir()`, whose paths are longer than a socket's may be. */
export function socketPath(t: Test): { path: string; uri: URL } {
  const folder = mkdtempSync(join(tmpdir(), 'vfio-user-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 's');
  return { path, uri: new URL(`unix://${path}`) };
}

/** A connected pair over a real socket. */
export interface Pair {
  readonly client: Connection;
  readonly clientSink: Recorder;
  readonly server: Connection;
  readonly serverSink: Recorder;
  readonly listener: Listener;
}

let names = 0;

/** A name nobody else uses, without a file. */
export function abstractUri(): URL {
  names += 1;
  return new URL(`unix:@vfio-user-test-${process.pid}-${names}`);
}

/** Connect over `transport`; everything is closed when the test ends. */
export async function connectedPair(
  t: Test,
  transport: Transport = unixTransport(),
): Promise<Pair> {
  const serverSink = new Recorder();
  const clientSink = new Recorder();
  const uri = abstractUri();
  let accepted: (connection: Connection) => void = () => {};
  const accepting = new Promise<Connection>((resolve) => {
    accepted = resolve;
  });
  const accept = (connection: Connection): FrameSink => {
    accepted(connection);
    return serverSink;
  };
  const listener = await transport.listen(uri, accept, { framing });
  const client = await transport.connect(uri, () => clientSink, { framing });
  const server = await accepting;
  t.teardown(async () => {
    client.abort(new Error('end of test'));
    server.abort(new Error('end of test'));
    await listener.close();
  });
  return { client, clientSink, server, serverSink, listener };
}

/** How many descriptors this process has open. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
