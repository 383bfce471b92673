import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import {
  connectDevice,
  type DeviceClient,
  type DeviceServer,
  serve,
  TransportRegistry,
} from '@vfio-user/core';
import { bench, registerMaps } from '@vfio-user/devices';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import type { Test } from 'tap';
import { BatchedWriter } from '../src/batched-writer.js';
import { TextPrinter } from '../src/printer.js';
import { type Relay, startRelay } from '../src/relay/relay.js';
import { plain } from '../src/text/palette.js';
import type { TraceSink } from '../src/trace-sink.js';
import { Tracer } from '../src/tracer.js';

/** How long a line may take to come, ms. */
const MOST_MS = 20_000;

/** Takes lines, and lets a test wait for one, or stop taking them. */
class Reader extends Writable {
  readonly lines: string[] = [];
  #wake = (): void => {};
  #isReading = true;
  #proceed = (): void => {};

  constructor() {
    super({ highWaterMark: 1024 });
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const take = (): void => {
      this.lines.push(...chunk.toString().trimEnd().split('\n'));
      this.#wake();
      done();
    };
    if (this.#isReading) take();
    else this.#proceed = take;
  }

  stop(): void {
    this.#isReading = false;
  }

  go(): void {
    this.#isReading = true;
    this.#proceed();
  }

  /** @throws with what came instead, when no such line comes within some seconds. */
  async line(pattern: RegExp): Promise<string> {
    const limit = AbortSignal.timeout(MOST_MS);
    const over = once(limit, 'abort');
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      const changed = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([changed, over]);
      if (limit.aborted) throw new Error(`no line ${pattern} in:\n${this.lines.join('\n')}`);
    }
  }
}

export interface LiveTraceOptions {
  readonly listen: string;
  /** Where the device listens. */
  readonly serve: string;
  /** Another way to say where that is. */
  readonly connect?: string;
  /** What gets the trace besides the lines. */
  readonly sinks?: readonly TraceSink[];
}

/** A bench device, and a trace in front of it; all ends with the test. */
export class LiveTrace {
  readonly registry = new TransportRegistry([unixTransport(), tcpTransport()]);
  readonly reader = new Reader();
  readonly relay: Relay;
  readonly server: DeviceServer;
  readonly #t: Test;

  private constructor(t: Test, server: DeviceServer, relay: Relay, reader: Reader) {
    this.#t = t;
    this.server = server;
    this.relay = relay;
    this.reader = reader;
  }

  static async start(t: Test, options: LiveTraceOptions): Promise<LiveTrace> {
    const registry = new TransportRegistry([unixTransport(), tcpTransport()]);
    const server = await serve({
      definition: bench,
      options: { memory: 2 ** 16, vectors: 2 },
      registry,
      listen: options.serve,
    });
    t.teardown(() => server.close());
    const reader = new Reader();
    const writer = new BatchedWriter(reader);
    const candidates = [...registerMaps.values()];
    const tracer = new Tracer([new TextPrinter(writer, plain), ...(options.sinks ?? [])], {
      candidates,
    });
    const relay = await startRelay({
      registry,
      listen: options.listen,
      connect: options.connect ?? server.uri,
      observe: (arrival) => tracer.observe(arrival),
    });
    writer.holdUp(relay);
    t.teardown(() => relay.close());
    return new LiveTrace(t, server, relay, reader);
  }

  async connect(): Promise<DeviceClient> {
    const client = await connectDevice(this.relay.uri, { registry: this.registry });
    this.#t.teardown(() => client.close());
    return client;
  }

  /** A client that sends the bytes it is given. */
  async connectRaw(): Promise<Socket> {
    const { pathname, protocol, hostname, port } = new URL(this.relay.uri);
    const socket =
      protocol === 'unix:' ? connect(pathname) : connect({ host: hostname, port: Number(port) });
    this.#t.teardown(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }
}
