import { Command, Region } from '@vfio-user/core';
import { nativeEncodingFor } from '@vfio-user/core/internal';
import { registerMaps } from '@vfio-user/devices';
import t from 'tap';
import { SessionDecoder } from '../src/decode/session-decoder.js';
import type { Packet } from '../src/packet.js';
import { Latencies } from '../src/statistics/latencies.js';
import { TraceStatistics } from '../src/statistics/statistics.js';
import { statisticsText } from '../src/statistics/statistics-text.js';

const native = nativeEncodingFor(2 ** 20);

/** Counts register reads of the bench device, each answered after some microseconds. */
class Reads {
  readonly statistics = new TraceStatistics();
  readonly #decoder = new SessionDecoder('native', { device: registerMaps.get('bench') });
  #timeUs = 0;

  read(region: number, offset: number, latencyUs: number, errno = 0): void {
    const access = { region, offset, count: 4 };
    const data = new Uint8Array(4);
    this.#say('client', native.encodeRequest(Command.REGION_READ, 1, access).head);
    this.#timeUs += latencyUs;
    const reply =
      errno === 0
        ? native.encodeReply(Command.REGION_READ, 1, { ...access, data })
        : native.encodeError(Command.REGION_READ, 1, errno);
    this.#say('server', reply.head);
  }

  #say(sender: Packet['sender'], head: Uint8Array): void {
    const bytes = Uint8Array.from(head);
    this.statistics.onMessage(
      this.#decoder.decode({
        timeUs: this.#timeUs,
        session: 1,
        sender,
        encoding: 'native',
        kind: 'message',
        descriptors: 0,
        bytes,
        length: bytes.length,
      }),
    );
  }
}

t.test('commands are counted, with bytes, errors and latencies', async (t) => {
  const reads = new Reads();
  for (let i = 1; i <= 100; i++) reads.read(Region.BAR0, 0x10, i === 100 ? 5000 : 10);
  reads.read(Region.BAR0, 0x10, 10, 22);
  const { messages, bytes, commands } = reads.statistics.summary();
  t.equal(messages, 202);
  t.equal(bytes, 101 * 32 + 100 * 36 + 16);
  const [row] = commands;
  t.match(row, { command: 'REGION_READ', from: 'client', requests: 101, errors: 1, bytes });
  const { p50Us = 0, p99Us = 0, maxUs = 0 } = row?.latency ?? {};
  t.ok(p50Us >= 10 && p50Us < 11, `${p50Us}`);
  t.ok(p99Us >= 10 && p99Us < 11, `${p99Us}`);
  t.equal(maxUs, 5000);
});

t.test('places are counted, and those the device does not implement are named', async (t) => {
  const reads = new Reads();
  for (let i = 0; i < 3; i++) reads.read(Region.BAR0, 0x10, 10);
  reads.read(Region.BAR0, 0x800, 10);
  reads.read(Region.ROM, 0, 10, 22);
  const summary = reads.statistics.summary();
  t.match(summary.places, [
    { region: 'BAR0', offset: 0x10, register: 'bench SCRATCH', reads: 3, isImplemented: true },
    { region: 'BAR0', offset: 0x800, register: undefined, reads: 1, isImplemented: false },
    { region: 'ROM', offset: 0, reads: 1, errors: 1, isImplemented: false },
  ]);
  const text = statisticsText(summary);
  t.match(text, /BAR0\+0x10 +bench SCRATCH +3 +0 +0 +\d+µs/);
  t.match(text, /not implemented by the device:\n {2}BAR0\+0x800\n {2}ROM\+0x0 1 errors$/);
});

t.test('a guest that touches everything does not fill the memory', async (t) => {
  const reads = new Reads();
  for (let offset = 0; offset < 5000; offset++) reads.read(Region.BAR4, offset, 1);
  const { places, otherAccesses } = reads.statistics.summary();
  t.equal(places.length, 4096);
  t.equal(otherAccesses, 5000 - 4096);
  t.match(statisticsText(reads.statistics.summary()), /and 4076 more places: --json has them/);
});

t.test('percentiles are right to a sixteenth, over the whole range', async (t) => {
  for (const us of [0.05, 1, 33, 4567, 1e6, 1e9]) {
    const latencies = new Latencies();
    for (let i = 0; i < 98; i++) latencies.add(us);
    latencies.add(us * 100);
    latencies.add(us * 100);
    const { p50Us, p99Us, maxUs } = latencies.summary() ?? { p50Us: 0, p99Us: 0, maxUs: 0 };
    t.ok(p50Us >= Math.min(us, 5e8) && p50Us <= Math.max(us, 0.125) * 1.05, `${us}: ${p50Us}`);
    t.ok(p99Us >= p50Us && p99Us <= maxUs);
    t.equal(maxUs, us * 100);
  }
  t.equal(new Latencies().summary(), undefined);
});
