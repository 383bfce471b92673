// Memory of a session that survives its links: accesses by adapters and by frames, in order and once in effect.

import t from 'tap';
import { ProtocolViolationError } from '../../src/errors.js';
import { encodeLinkFrame, LinkFrameKind } from '../../src/protocol/portable/link-frames.js';
import {
  decodeRanges,
  encodeAccess,
  encodeRanges,
  MAX_ACCESS_BYTES,
} from '../../src/protocol/portable/memory-frames.js';
import { ResumableConnection } from '../../src/session/resumable-connection.js';
import type {
  AccessRights,
  ExposedMemory,
  ExposedRange,
  OneSidedMemory,
} from '../../src/transport/one-sided.js';
import type { MappedMemory } from '../../src/transport/resources.js';
import type { Connection, FrameSink } from '../../src/transport/transport.js';
import { frameOf } from '../protocol/wire.js';
import { turn } from './fakes.js';

const KEEP_BYTES = 2 ** 20;
const RW: AccessRights = { readable: true, writable: true };

class Memory implements MappedMemory {
  readonly bytes: Uint8Array;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
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

/** What was sent and has not arrived: a frame, or work of the adapter. */
type Item = { readonly frame: Uint8Array } | { carryOut(): void; fail(): void };

let nextId = 1;

/** Why a transfer failed whose link was lost. */
class LostError extends Error {
  readonly number: number;

  constructor(number: number) {
    super('lost');
    this.number = number;
  }
}

/** One end of a link. What it sends arrives when the test says so. */
class FakeLink implements Connection {
  readonly peer = 'peer';
  readonly resources = undefined;
  readonly capabilities = {
    fdPassing: false,
    sharedMemory: false,
    oneSidedMemory: true,
    orderedNotifications: true,
    maxFrameBytes: 2 ** 24,
    maxDescriptors: 0,
  };
  readonly oneSided: OneSidedMemory | undefined;
  readonly sent: Item[] = [];
  sink!: FrameSink;
  other!: FakeLink;
  /** Whether a transfer that was carried out is known to be. */
  acknowledges = true;
  readonly #unknown: (() => void)[] = [];
  /** Number of the peer's accesses that were carried out here, and of its own. */
  carriedOut = 0;
  #issued = 0;
  readonly #pieces: Memory[] = [];

  /** @param pinnedBytes of each memory that its adapter can pin; 0: no adapter. */
  constructor(pinnedBytes: number) {
    const expose = (memory: MappedMemory): ExposedMemory => {
      const length = Math.min(pinnedBytes, memory.length);
      const address = this.#pieces.push(memory as Memory) * 2 ** 32;
      const ranges = length === 0 ? [] : [{ offset: 0, length, address, key: 7 }];
      return { ranges, close() {} };
    };
    const copy = (range: ExposedRange, offset: number, data: Uint8Array, reads: boolean) =>
      new Promise<void>((resolve, reject) => {
        const number = ++this.#issued;
        const carryOut = (): void => {
          this.other.carriedOut = number;
          const piece = this.other.#pieces[Number(range.address) / 2 ** 32 - 1] as Memory;
          const at = range.offset + offset;
          if (reads) piece.read(at, data);
          else piece.write(at, data);
          if (this.acknowledges) resolve();
          else this.#unknown.push(() => reject(new LostError(number)));
        };
        this.sent.push({ carryOut, fail: () => reject(new LostError(number)) });
      });
    if (pinnedBytes === 0) return;
    const id = nextId++;
    const other = (): FakeLink => this.other;
    const carriedOut = (): number => this.carriedOut;
    this.oneSided = {
      get peerId(): number {
        return Number(other().oneSided?.progress?.id);
      },
      get progress() {
        return { id, position: carriedOut() };
      },
      tookEffect: (error, position) => (error as LostError).number <= position,
      description: 'an adapter',
      expose,
      read: (range, offset, target) => copy(range, offset, target, true),
      write: (range, offset, source) => copy(range, offset, source, false),
    };
  }

  send(head: Uint8Array, data?: Uint8Array): boolean {
    this.sent.push({ frame: Uint8Array.from([...head, ...(data ?? [])]) });
    return true;
  }

  /** What it sent arrives at the other end, at most `count` items. */
  deliver(count = Number.POSITIVE_INFINITY): void {
    for (const item of this.sent.splice(0, count)) {
      if ('frame' in item) this.other.sink.onFrame(frameOf(item.frame));
      else item.carryOut();
    }
  }

  pause(): void {}
  resume(): void {}
  async close(): Promise<void> {}
  abort(): void {}

  lose(): void {
    for (const fail of this.#unknown) fail();
    for (const item of this.sent.splice(0)) if ('fail' in item) item.fail();
    this.sink.onClose(new Error('lost'));
  }
}

function linked(pinnedBytes: number): [FakeLink, FakeLink] {
  const ends: [FakeLink, FakeLink] = [new FakeLink(pinnedBytes), new FakeLink(pinnedBytes)];
  [ends[0].other, ends[1].other] = [ends[1], ends[0]];
  return ends;
}

/** A device's session and its client's, which exposes memory. */
class Pair {
  device: FakeLink;
  client: FakeLink;
  readonly deviceEnd: ResumableConnection;
  readonly clientEnd: ResumableConnection;
  /** What the client saw: a frame, and what `watched` held then. */
  readonly seen: (readonly [number, number])[] = [];
  readonly ends: (Error | undefined)[] = [];
  watched = new Memory(1);

  constructor(pinnedBytes = Number.MAX_SAFE_INTEGER) {
    [this.device, this.client] = linked(pinnedBytes);
    const options = {
      id: new Uint8Array(16),
      maxKeptBytes: KEEP_BYTES,
      ownSilenceMs: 0,
      peerSilenceMs: 0,
      events: { onLost() {}, onContinued() {}, onEnd() {} },
    };
    this.deviceEnd = new ResumableConnection(this.device, options);
    this.clientEnd = new ResumableConnection(this.client, options);
    const sink = {
      onFrame() {},
      onDrain() {},
      onClose: (error?: Error) => void this.ends.push(error),
    };
    this.device.sink = this.deviceEnd.begin(sink);
    this.client.sink = this.clientEnd.begin({
      ...sink,
      onFrame: ({ bytes, start }) => {
        this.seen.push([bytes[start + 8] as number, this.watched.bytes[0] as number]);
      },
    });
    for (const end of [this.deviceEnd, this.clientEnd]) end.hold(60_000);
  }

  expose(memory: Memory, rights = RW): ExposedMemory {
    const exposed = this.clientEnd.oneSided?.expose(memory, rights) as ExposedMemory;
    this.client.deliver();
    return exposed;
  }

  write({ ranges }: ExposedMemory, offset: number, ...bytes: number[]): Promise<void> {
    return this.copy('write', ranges[0] as ExposedRange, offset, Uint8Array.from(bytes));
  }

  copy(way: 'read' | 'write', range: ExposedRange, offset: number, data: Uint8Array) {
    return this.deviceEnd.oneSided?.[way](range, offset, data) as Promise<void>;
  }

  /** The device sends a frame. */
  frame(number: number): void {
    this.deviceEnd.send(Uint8Array.of(9, 0, 0, 0, 1, 0, 0, 0, number));
  }

  lose(): void {
    this.device.lose();
    this.client.lose();
  }

  /** @param deliver what the client says at first arrives. */
  reconnect(pinnedBytes = Number.MAX_SAFE_INTEGER, deliver = true): void {
    [this.device, this.client] = linked(pinnedBytes);
    const { device, client, deviceEnd, clientEnd } = this;
    const [ofDevice, ofClient] = [deviceEnd.handled, clientEnd.handled];
    deviceEnd.offer(ofClient);
    device.sink = deviceEnd.attach(device, ofClient);
    client.sink = clientEnd.attach(client, ofDevice);
    if (deliver) client.deliver();
  }

  /** Until nothing is on its way. */
  async settle(): Promise<void> {
    while (this.device.sent.length + this.client.sent.length > 0) {
      this.device.deliver();
      this.client.deliver();
      await turn();
    }
  }
}

for (const [what, pinnedBytes] of [
  ['an adapter', Number.MAX_SAFE_INTEGER],
  ['frames', 0],
  ['an adapter and frames', 2],
] as const) {
  t.test(`over ${what} transfers and frames keep their order across links`, async (t) => {
    const pair = new Pair();
    const memory = new Memory(8);
    pair.watched = memory;
    const exposed = pair.expose(memory);
    pair.frame(1);
    const written = [pair.write(exposed, 0, 10, 0, 0, 0, 5)];
    pair.frame(2);
    written.push(pair.write(exposed, 0, 20));
    pair.frame(3);
    pair.device.deliver(1);
    pair.lose();
    written.push(pair.write(exposed, 0, 30));
    pair.frame(4);
    pair.reconnect(pinnedBytes, false);
    t.strictSame(
      pair.device.sent.filter((item) => !('frame' in item)),
      [],
      'nothing before it is known where',
    );
    for (let i = 0; i < 40; i++) {
      pair.client.deliver(1);
      pair.device.deliver(1);
    }
    await Promise.all(written);
    t.strictSame(pair.seen, [
      [1, 0],
      [2, 10],
      [3, 20],
      [4, 30],
    ]);
    t.equal(memory.bytes[4], 5);
    const back = new Uint8Array(5);
    const read = pair.copy('read', exposed.ranges[0] as ExposedRange, 0, back);
    await pair.settle();
    await read;
    t.strictSame([...back], [30, 0, 0, 0, 5]);
  });
}

t.test('what took effect is not run again', async (t) => {
  const pair = new Pair();
  const memory = new Memory(8);
  const exposed = pair.expose(memory);
  const known = pair.write(exposed, 0, 1);
  pair.frame(1);
  const [copy, frame] = pair.device.sent.splice(0) as [{ carryOut(): void }, { frame: Uint8Array }];
  // The device does not hear that it was carried out.
  memory.bytes[0] = 1;
  t.ok(copy);
  pair.client.sink.onFrame(frameOf(frame.frame));
  memory.bytes[0] = 0xee;
  pair.lose();
  pair.reconnect(0);
  await known;
  await pair.settle();
  t.equal(memory.bytes[0], 0xee);

  const byFrames = pair.write(exposed, 0, 2);
  pair.device.deliver();
  t.equal(memory.bytes[0], 2);
  memory.bytes[0] = 0xdd;
  pair.client.sent.splice(0);
  pair.lose();
  pair.reconnect(0);
  await byFrames;
  await pair.settle();
  t.equal(memory.bytes[0], 0xdd, 'the client says how far it came');
});

t.test('how far an adapter came is told until it was heard', async (t) => {
  const pair = new Pair();
  const memory = new Memory(8);
  const exposed = pair.expose(memory);
  pair.device.acknowledges = false;
  const written = [pair.write(exposed, 0, 1), pair.write(exposed, 1, 2)];
  pair.device.deliver(1);
  memory.bytes[0] = 0xee;
  pair.lose();
  pair.reconnect(undefined, false);
  pair.lose();
  pair.reconnect(undefined, false);
  await turn();
  pair.client.deliver();
  await pair.settle();
  await Promise.all(written);
  t.strictSame([...memory.bytes.subarray(0, 2)], [0xee, 2]);
});

t.test('large copies by frames keep within the window, and frames wait behind them', async (t) => {
  const pair = new Pair();
  const memory = new Memory(2 ** 20);
  pair.watched = memory;
  const exposed = pair.expose(memory);
  pair.lose();
  pair.reconnect(0);
  pair.device.sent.splice(0);
  const data = new Uint8Array(2 ** 20).fill(7);
  const written = pair.copy('write', exposed.ranges[0] as ExposedRange, 0, data);
  pair.frame(1);
  t.equal(pair.device.sent.length, 2 ** 19 / MAX_ACCESS_BYTES, 'half of it is under way');
  t.strictSame(pair.seen, []);
  await pair.settle();
  await written;
  t.ok(memory.bytes.every((byte) => byte === 7));
  t.strictSame(pair.seen, [[1, 7]]);
});

t.test('memory that is withdrawn, also in the gap, is out of reach', async (t) => {
  const pair = new Pair();
  const memory = new Memory(8);
  const exposed = pair.expose(memory);
  const written = pair.write(exposed, 0, 1);
  pair.lose();
  exposed.close();
  pair.reconnect();
  await t.rejects(written, { errno: 14, message: /does not expose this memory any more/ });
  const other = pair.expose(new Memory(8));
  t.not(other.ranges[0]?.key, exposed.ranges[0]?.key, 'numbers are not used again');
  other.close();
  await pair.settle();
  await t.rejects(pair.write(other, 0, 1), { errno: 14, message: /not expose/ });
  t.equal(memory.bytes[0], 0);
});

t.test('accesses by frames keep to the bounds and rights', async (t) => {
  const pair = new Pair();
  const [readable, writable] = [
    { readable: true, writable: false },
    { readable: false, writable: true },
  ];
  const one = pair.expose(new Memory(8), readable);
  const other = pair.expose(new Memory(8), writable);
  pair.lose();
  pair.reconnect(0);
  const [range, otherRange] = [one.ranges[0], other.ranges[0]] as [ExposedRange, ExposedRange];
  const attempts = [
    pair.write(one, 0, 1),
    pair.copy('read', otherRange, 0, new Uint8Array(1)),
    pair.copy('read', range, 5, new Uint8Array(4)),
    pair.copy('read', { ...range, offset: 2 ** 52 }, 0, new Uint8Array(4)),
  ].map((attempt) => t.rejects(attempt, { errno: 14, message: /refuses/ }));
  await pair.settle();
  await Promise.all(attempts);
  t.strictSame(pair.ends, []);
});

t.test('a transfer that no link finishes fails at last', async (t) => {
  const pair = new Pair();
  const exposed = pair.expose(new Memory(8));
  const failed = t.rejects(pair.write(exposed, 0, 1), { errno: 5, message: /16 links/ });
  for (let i = 0; i < 17; i++) {
    pair.lose();
    pair.reconnect();
  }
  await failed;
});

t.test('the end of the session ends its transfers', async (t) => {
  const pair = new Pair();
  const exposed = pair.expose(new Memory(8));
  const failed = t.rejects(pair.write(exposed, 0, 1), { message: 'over' });
  pair.deviceEnd.abort(new Error('over'));
  await failed;
  await t.rejects(pair.write(exposed, 0, 1), { message: 'over' });
});

t.test('frames about memory that make no sense end the session', (t) => {
  const range = { offset: 0, length: 8, address: 0, key: 0 };
  const cases: readonly (readonly [string, LinkFrameKind, number, Uint8Array?])[] = [
    ['half a range', LinkFrameKind.EXPOSED, 1, new Uint8Array(31)],
    ['an empty range', LinkFrameKind.EXPOSED, 1, encodeRanges([{ ...range, length: 0 }])],
    ['ranges that overlap', LinkFrameKind.EXPOSED, 1, encodeRanges([range, range])],
    [
      'an address of no process',
      LinkFrameKind.EXPOSED,
      1,
      encodeRanges([{ ...range, address: 2n ** 63n }]),
    ],
    ['too many ranges', LinkFrameKind.EXPOSED, 1, new Uint8Array(257 * 32)],
    ['a second list', LinkFrameKind.ALL_EXPOSED, 0],
    ['half an access', LinkFrameKind.MEMORY_READ, 1, new Uint8Array(15)],
    ['a long access', LinkFrameKind.MEMORY_READ, 1, encodeAccess(1, 0, MAX_ACCESS_BYTES + 1)],
    ['a write without data', LinkFrameKind.MEMORY_WRITE, 1, encodeAccess(1, 0, 8)],
    ['half a progress', LinkFrameKind.ALL_EXPOSED, 0, new Uint8Array(7)],
    ['too many of them', LinkFrameKind.ALL_EXPOSED, 0, new Uint8Array(9 * 8)],
    ['an access out of turn', LinkFrameKind.MEMORY_READ, 2, encodeAccess(1, 0, 8)],
    ['an answer to nothing', LinkFrameKind.MEMORY_DONE, 1],
    ['a refusal of nothing', LinkFrameKind.MEMORY_REFUSED, 1],
  ];
  for (const [title, kind, value, payload] of cases) {
    const { client } = new Pair();
    const frame = frameOf(encodeLinkFrame(kind, value, 0, payload));
    t.throws(() => client.sink.onFrame(frame), ProtocolViolationError, title);
  }
  t.end();
});

t.test('a peer cannot name memory without end', (t) => {
  const { client } = new Pair();
  const ranges = encodeRanges(
    Array.from({ length: 256 }, (_, i) => ({ offset: i, length: 1, address: 0, key: 0 })),
  );
  t.equal(decodeRanges(ranges).length, 256);
  const expose = (memory: number): void =>
    client.sink.onFrame(frameOf(encodeLinkFrame(LinkFrameKind.EXPOSED, memory, 0, ranges)));
  for (let memory = 0; memory < 510; memory++) expose(memory);
  expose(0);
  t.throws(() => expose(510), ProtocolViolationError);
  t.end();
});

t.test('a peer cannot have carried out what was not asked', (t) => {
  const pair = new Pair();
  pair.lose();
  pair.reconnect(undefined, false);
  const frame = frameOf(encodeLinkFrame(LinkFrameKind.ALL_EXPOSED, 5, 0));
  t.throws(() => pair.device.sink.onFrame(frame), /access 5 to memory cannot be the last/);
  t.end();
});
