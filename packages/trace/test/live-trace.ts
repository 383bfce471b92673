import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import {
  connectDevice,
  type DeviceClient,
  type DeviceServer,
  Region,
  serve,
  TransportRegistry,
} from '@vfio-user/core';
import { bench, benchRegisters, registerMaps } from '@vfio-user/devices';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import type { Test } from 'tap';
import { BatchedWriter } from '../src/batched-writer.js';
import { TextPrinter } from '../src/printer.js';
import { type Relay, startRelay } from '../src/relay/relay.js';
import { plain } from '../src/text/palette.js';
import { Tracer } from '../src/tracer.js';

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

  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export interface LiveTraceOptions {
  readonly listen: string;
  /** Where the device listens. */
  readonly serve: string;
  /** Another way to say where that is. */
  readonly connect?: string;
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
    const tracer = new Tracer([new TextPrinter(writer, plain)], { candidates });
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

/** Write a register of the bench device. */
export async function writeRegister(
  client: DeviceClient,
  offset: number,
  value: number,
): Promise<void> {
  const word = new Uint8Array(4);
  new DataView(word.buffer).setUint32(0, value, true);
  await client.regionWrite(Region.BAR0, offset, word);
}

/** Let the device fill guest memory. Its interrupt says when it has. */
export async function fillGuest(
  client: DeviceClient,
  address: number,
  length: number,
): Promise<void> {
  await writeRegister(client, benchRegisters.DMA_PATTERN, 0x5a5a_5a5a);
  await writeRegister(client, benchRegisters.DMA_DESTINATION, address);
  await writeRegister(client, benchRegisters.DMA_LENGTH, length);
  await writeRegister(client, benchRegisters.DMA_VECTOR, 1);
  await writeRegister(client, benchRegisters.DMA_COMMAND, benchRegisters.DMA_FILL_GUEST);
}
