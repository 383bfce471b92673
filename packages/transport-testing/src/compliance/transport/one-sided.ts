import { crc32 } from 'node:zlib';
import type { ExposedMemory, ExposedRange, MappedMemory, OneSidedMemory } from '@vfio-user/core';
import type { Test } from 'tap';
import type { Suite } from '../suite.js';
import { fillPattern, sequenceOf, testFrame } from '../test-frames.js';
import { type ConnectedPair, openPair } from './connected-pair.js';
import { bytesOf, type RecordingEnd } from './recording-end.js';

const PAGE = 4096;
const LARGE_BYTES = 16 * 2 ** 20;
const ROUNDS = 2000;
const BOTH = { readable: true, writable: true };

/** One-sided access: memory that one side exposes, and the other reads and writes. */
export function oneSidedTests(suite: Suite): void {
  const needs = ['oneSidedMemory'] as const;

  suite.test('exposed memory is read and written by the peer, either way', needs, async (t) => {
    const { client, server } = await openPair(t, suite);
    for (const [owner, user] of [
      [client, server],
      [server, client],
    ] as const) {
      const memory = new OwnMemory(4 * PAGE);
      fillPattern(memory.bytes, 3);
      const range = onlyRange(expose(t, owner, memory, BOTH));
      const seen = new Uint8Array(1000);
      await oneSidedOf(user).read(range, PAGE - 17, seen);
      t.same(seen, memory.bytes.subarray(PAGE - 17, PAGE - 17 + 1000));
      await oneSidedOf(user).write(range, 2 * PAGE + 1, Uint8Array.of(1, 2, 3));
      t.same(memory.bytes.subarray(2 * PAGE + 1, 2 * PAGE + 4), Uint8Array.of(1, 2, 3));
      await oneSidedOf(user).read(range, 0, new Uint8Array(0));
    }
  });

  suite.test('large transfers at once carry every byte', needs, async (t) => {
    const { client, server } = await openPair(t, suite);
    const memory = new OwnMemory(2 * LARGE_BYTES);
    fillPattern(memory.bytes.subarray(0, LARGE_BYTES), 5);
    const range = onlyRange(expose(t, client, memory, BOTH));
    const copies = [new Uint8Array(LARGE_BYTES), new Uint8Array(LARGE_BYTES)];
    await Promise.all(copies.map((copy) => oneSidedOf(server).read(range, 0, copy)));
    const sum = crc32(memory.bytes.subarray(0, LARGE_BYTES));
    for (const copy of copies) t.equal(crc32(copy), sum);
    await oneSidedOf(server).write(range, LARGE_BYTES, copies[0] as Uint8Array);
    t.equal(crc32(memory.bytes.subarray(LARGE_BYTES)), sum);
  });

  suite.test('a frame arrives behind the writes before it', needs, async (t) => {
    const { client, server } = await openPair(t, suite);
    const memory = new OwnMemory(PAGE);
    const range = onlyRange(expose(t, client, memory, BOTH));
    const view = new DataView(memory.bytes.buffer);
    let late = 0;
    let seen = 0;
    client.handler = (frame) => {
      const round = sequenceOf(bytesOf(frame));
      if (view.getUint32(0, true) < round || view.getUint32(PAGE - 4, true) < round) late++;
      seen = round;
    };
    for (let round = 1; round <= ROUNDS; round++) {
      const data = new Uint8Array(PAGE);
      new DataView(data.buffer).setUint32(0, round, true);
      new DataView(data.buffer).setUint32(PAGE - 4, round, true);
      const written = oneSidedOf(server).write(range, 0, data);
      server.connection.send(testFrame(round, 24));
      if (round % 64 === 0) await written;
    }
    await client.until(() => seen === ROUNDS, 'the last frame');
    t.equal(late, 0, 'frames that came before the data they announce');
  });

  for (const [what, violate] of Object.entries(violations)) {
    suite.test(`${what} fails and touches nothing`, needs, async (t) => {
      const pair = await openPair(t, suite);
      const memory = new OwnMemory(2 * PAGE);
      memory.bytes.fill(7);
      await t.rejects(violate(t, pair, memory));
      t.ok(
        memory.bytes.every((byte) => byte === 7),
        'the memory is what it was',
      );
      await Promise.all([pair.client.ended(), pair.server.ended()]);
      t.match(pair.server.closes, [{ code: 'VFU_PEER_CLOSED' }], 'the violator is told');
      const next = await pair.host.connect();
      next.connection.abort(new Error('test over'));
    });
  }

  suite.test('transfers under way fail when the connection ends', needs, async (t) => {
    const { client, server } = await openPair(t, suite);
    const memory = new OwnMemory(LARGE_BYTES);
    const range = onlyRange(expose(t, client, memory, BOTH));
    const transfers = [
      oneSidedOf(server).read(range, 0, new Uint8Array(LARGE_BYTES)),
      oneSidedOf(server).write(range, 0, new Uint8Array(LARGE_BYTES)),
    ];
    client.connection.abort(new Error('gone'));
    for (const transfer of transfers) await t.rejects(transfer);
    await server.ended();
    await t.rejects(oneSidedOf(server).read(range, 0, new Uint8Array(1)), 'and so do new ones');
  });
}

/** Violations that must end the connection. The server commits them. */
const violations: Readonly<
  Record<string, (t: Test, pair: ConnectedPair, memory: OwnMemory) => Promise<void>>
> = {
  'writing to memory exposed for reading'(t, { client, server }, memory) {
    const range = onlyRange(expose(t, client, memory, { readable: true, writable: false }));
    return oneSidedOf(server).write(range, 0, new Uint8Array(16));
  },

  'reading memory exposed for writing'(t, { client, server }, memory) {
    const range = onlyRange(expose(t, client, memory, { readable: false, writable: true }));
    return oneSidedOf(server).read(range, 0, new Uint8Array(16));
  },

  'writing beyond the end'(t, { client, server }, memory) {
    const part = new OwnMemory(memory.bytes.subarray(0, PAGE));
    const range = onlyRange(expose(t, client, part, BOTH));
    const forged = { ...range, length: 2 * PAGE };
    return oneSidedOf(server).write(forged, PAGE - 8, new Uint8Array(16));
  },

  'writing after the memory was taken back'(t, { client, server }, memory) {
    const exposed = expose(t, client, memory, BOTH);
    const range = onlyRange(exposed);
    exposed.close();
    return oneSidedOf(server).write(range, 0, new Uint8Array(16));
  },

  'writing with a key that was never given'(t, { client, server }, memory) {
    const range = onlyRange(expose(t, client, memory, BOTH));
    const forged = { ...range, key: (range.key ^ 0x5a5a_5a5a) >>> 0 };
    return oneSidedOf(server).write(forged, 0, new Uint8Array(16));
  },
};

/** Memory of this process. */
class OwnMemory implements MappedMemory {
  readonly bytes: Uint8Array;

  constructor(memory: number | Uint8Array) {
    this.bytes = typeof memory === 'number' ? new Uint8Array(memory) : memory;
  }

  get length(): number {
    return this.bytes.length;
  }

  view(offset: number, length: number): Uint8Array {
    return this.bytes.subarray(offset, offset + length);
  }

  read(offset: number, target: Uint8Array): void {
    target.set(this.view(offset, target.length));
  }

  write(offset: number, source: Uint8Array): void {
    this.bytes.set(source, offset);
  }

  close(): void {}
}

function oneSidedOf({ connection }: RecordingEnd): OneSidedMemory {
  if (connection.oneSided === undefined) throw new Error('the connection has no oneSided');
  return connection.oneSided;
}

function expose(
  t: Test,
  owner: RecordingEnd,
  memory: MappedMemory,
  rights: { readonly readable: boolean; readonly writable: boolean },
): ExposedMemory {
  const exposed = oneSidedOf(owner).expose(memory, rights);
  t.teardown(() => exposed.close());
  return exposed;
}

function onlyRange({ ranges }: ExposedMemory): ExposedRange {
  const [range] = ranges;
  if (range === undefined || ranges.length > 1) throw new Error(`${ranges.length} ranges`);
  return range;
}
