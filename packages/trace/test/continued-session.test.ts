import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { connectDevice, Region } from '@vfio-user/core';
import { decodePreface, prefaceLength } from '@vfio-user/core/internal';
import { benchRegisters } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import t, { type Test } from 'tap';
import { BatchedWriter } from '../src/batched-writer.js';
import { readCapture } from '../src/pcap/capture-reader.js';
import { CaptureWriter } from '../src/pcap/capture-writer.js';
import { JsonPrinter, TextPrinter } from '../src/printer.js';
import { TraceStatistics } from '../src/statistics/statistics.js';
import { statisticsText } from '../src/statistics/statistics-text.js';
import { plain } from '../src/text/palette.js';
import { Tracer } from '../src/tracer.js';
import { LiveTrace } from './live-trace.js';

/** What was written, in one piece. */
class Collector extends Writable {
  readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** Stands before a relay, hears what its server says, and cuts connections. */
class Cutter {
  readonly uri: string;
  readonly #sockets = new Set<Socket>();
  /** What the server said on the first connection. */
  heard = Buffer.alloc(0);

  private constructor(uri: string) {
    this.uri = uri;
  }

  static async start(t: Test, target: string): Promise<Cutter> {
    const { hostname: host, port } = new URL(target);
    let connections = 0;
    const server = createServer((client) => {
      const isFirst = connections++ === 0;
      const far = connect({ host, port: Number(port) });
      far.on('data', (bytes) => {
        if (isFirst) cutter.heard = Buffer.concat([cutter.heard, bytes]);
      });
      client.pipe(far).pipe(client);
      for (const socket of [client, far]) {
        cutter.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => cutter.#sockets.delete(socket));
      }
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const cutter = new Cutter(`tcp://127.0.0.1:${(server.address() as AddressInfo).port}`);
    t.teardown(() => {
      server.close();
      cutter.cut();
    });
    return cutter;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }
}

t.test('a session that goes on over other connections is one session', async (t) => {
  const [capture, json] = [new Collector(), new Collector()];
  const [captureWriter, jsonWriter] = [new BatchedWriter(capture), new BatchedWriter(json)];
  const statistics = new TraceStatistics();
  const trace = await LiveTrace.start(t, {
    listen: 'tcp://127.0.0.1:0',
    serve: 'tcp://127.0.0.1:0',
    sinks: [new CaptureWriter(captureWriter), new JsonPrinter(jsonWriter), statistics],
  });
  const cutter = await Cutter.start(t, trace.relay.uri);
  const client = await connectDevice(cutter.uri, { registry: trace.registry });
  t.teardown(() => client.close());
  const driver = new TestDeviceDriver(client);
  await client.regionRead(Region.CONFIG, 0, 256);
  for (let round = 1; round <= 3; round++) {
    await driver.write32(benchRegisters.SCRATCH, round);
    cutter.cut();
    t.equal(await driver.read32(benchRegisters.SCRATCH), round);
  }
  await client.close();
  await trace.reader.line(/= session 1 has ended$/);
  await Promise.all([captureWriter.written(), jsonWriter.written()]);

  const { lines } = trace.reader;
  const headlines = lines.filter((line) => / = /.test(line) && !/[→←]/.test(line));
  t.match(headlines[0], /= session 1 of \S+, portable encoding$/);
  t.equal(headlines.filter((line) => /has lost its connection/.test(line)).length, 3);
  t.equal(headlines.filter((line) => /= session 1 of \S+ goes on over/.test(line)).length, 3);
  t.notOk(lines.some((line) => /session 2/.test(line)));
  t.equal(lines.filter((line) => /preface +1\.1 goes on, handled \d+ /.test(line)).length, 6);
  t.match(lines.at(-2), /link END +handled \d+$/, 'the client takes its leave');
  // Registers have their names still, and each reply finds its request.
  t.ok(lines.filter((line) => /← .*REGION_READ +[\d.]+.?s .*SCRATCH/.test(line)).length >= 3);

  const summary = statistics.summary();
  t.ok(summary.linkFrames >= 1);
  const reads = summary.places.find(({ register }) => register === 'bench SCRATCH');
  t.match(reads, { reads: 3, writes: 3 }, 'what was sent again counts once');

  await t.test('its id, a secret, is nowhere', async (t) => {
    const heard = new Uint8Array(cutter.heard);
    const { session } = decodePreface(heard.subarray(0, prefaceLength(heard)));
    t.ok(session.some((byte) => byte !== 0));
    const id = Buffer.from(session);
    t.equal(capture.bytes.indexOf(id), -1);
    const text = lines.join('\n') + json.bytes.toString();
    for (const shown of [id.toString('hex'), id.toString('hex').replace(/..(?=.)/g, '$& ')]) {
      t.notOk(text.includes(shown));
    }
    t.notOk(text.includes(id.toString('base64')));
  });

  await t.test('a capture tells the same', async (t) => {
    const path = `${t.testdir()}/session.pcap`;
    writeFileSync(path, capture.bytes);
    const again = new TraceStatistics();
    const text = new Collector();
    const writer = new BatchedWriter(text);
    const tracer = new Tracer([again, new TextPrinter(writer, plain)]);
    for (const packet of readCapture(path)) {
      t.equal(packet.session, 1);
      tracer.replay(packet);
    }
    await writer.written();
    const { messages, linkFrames, sentAgain, bytes } = summary;
    t.match(again.summary(), { messages, linkFrames, sentAgain, bytes });
    t.equal(text.bytes.toString().match(/= session 1 goes on over another connection/g)?.length, 3);
  });

  await t.test('and so does JSON', async (t) => {
    const objects = json.bytes
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const count = (type: string): number => objects.filter((one) => one.type === type).length;
    t.strictSame([count('begin'), count('continued'), count('end')], [1, 3, 4]);
    const lost = objects.filter(({ type, mayGoOn }) => type === 'end' && mayGoOn === true);
    t.equal(lost.length, 3);
    t.equal(count('link-frame'), summary.linkFrames);
    t.match(objects.filter(({ type }) => type === 'link-frame').at(-1), {
      kind: 'END',
      from: 'client',
    });
    const prefaces = objects.filter(({ type }) => type === 'preface');
    t.equal(prefaces.length, 8);
    t.notOk(prefaces.some(({ preface }) => 'session' in preface));
    t.type(prefaces.at(-1).preface.handled, 'number');
  });
  t.match(
    statisticsText(summary),
    /^\d+ messages(, \d+ sent again)?, \d+ link frames, \d+ bytes\n/,
  );
});
