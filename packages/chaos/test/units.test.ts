import { Command } from '@vfio-user/core';
import {
  encodePreface,
  LinkFrameKind,
  PortableEncoding,
  packRecord,
} from '@vfio-user/core/internal';
import fc from 'fast-check';
import t from 'tap';
import { portableFormat, tlsFormat } from '../src/link/formats.js';
import { type Sought, UnitStream, type Units } from '../src/link/units.js';
import { WebSocketUnits } from '../src/link/web-socket-units.js';

interface NamedUnit {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const ZERO = new Uint8Array(16);

function u32(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function frame(record: object, data = 0): Uint8Array {
  const packed = Uint8Array.from(packRecord(record));
  const header = u32(8 + packed.length + data, packed.length);
  return Buffer.concat([header, packed, new Uint8Array(data).fill(0x5a)]);
}

const PREFACE: NamedUnit = {
  name: 'preface',
  bytes: encodePreface({
    major: 1,
    minor: 1,
    session: ZERO,
    capabilities: ['resume'],
    limits: {
      ...{ maxFrameBytes: 2 ** 20, maxRecordBytes: 2 ** 16, maxPushBytes: 0, maxPushRules: 0 },
      ...{ windowMessages: 1, windowBytes: 1, silenceMs: 0 },
    },
  }),
};

const FRAMES: readonly NamedUnit[] = [
  { name: 'REGION_READ', bytes: frame({ type: 'request', command: Command.REGION_READ, id: 1 }) },
  {
    name: 'REGION_READ reply',
    bytes: frame({ type: 'reply', command: Command.REGION_READ, id: 1 }, 4),
  },
  {
    name: 'DMA_WRITE',
    bytes: frame({ type: 'request', command: Command.DMA_WRITE, id: 2 }, 5_000),
  },
  { name: 'DMA_READ error', bytes: frame({ type: 'error', command: Command.DMA_READ, id: 3 }) },
  { name: 'KEEP_ALIVE', bytes: u32(24, 0, LinkFrameKind.KEEP_ALIVE, 1, 0, 0) },
];

const NAMES = [PREFACE, ...FRAMES].map(({ name }) => name);

/** Bytes in pieces of these lengths, over and over. */
function inPieces(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] as number;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

/** How many bytes pass before the cut. */
function passed(units: Units, pieces: readonly Uint8Array[]): number | undefined {
  let before = 0;
  for (const piece of pieces) {
    const cut = units.push(piece);
    if (cut !== undefined) return before + cut;
    before += piece.length;
  }
  return undefined;
}

const pieceLengths = fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 9 });
const parts = fc.double({ min: 0, max: 1, noNaN: true });
const streams = fc.array(fc.constantFrom(...FRAMES), { minLength: 1, maxLength: 8 });

/** Where the first unit of a name lies. */
function placeOf(units: readonly NamedUnit[], name: string): [from: number, to: number] {
  const index = units.findIndex((unit) => unit.name === name);
  const from = units.slice(0, index).reduce((sum, { bytes }) => sum + bytes.length, 0);
  return [from, from + (units[index]?.bytes.length ?? 0)];
}

t.test('a cut lies within the frame that was asked for, however its bytes arrive', async (t) => {
  fc.assert(
    fc.property(streams, pieceLengths, parts, fc.nat(), (frames, lengths, part, which) => {
      const units = [PREFACE, ...frames];
      const { name } = units[which % units.length] as NamedUnit;
      const stream = new UnitStream(portableFormat);
      stream.seek({ unit: name, part });
      const bytes = Buffer.concat(units.map((unit) => unit.bytes));
      const cut = passed(stream, inPieces(bytes, lengths)) ?? -1;
      const [from, to] = placeOf(units, name);
      return from < cut && cut < to && stream.found === name;
    }),
  );
  t.pass();
});

t.test('the part says where in it', async (t) => {
  const { bytes } = PREFACE;
  const at = (sought: Sought): number | undefined => {
    const stream = new UnitStream(portableFormat);
    stream.seek(sought);
    return stream.push(bytes);
  };
  t.equal(at({ unit: 'preface', part: 0 }), 1);
  t.equal(at({ unit: 'preface', part: 1 }), bytes.length - 1);
  t.equal(at({ unit: undefined, part: 0.5 }), 1 + Math.floor((bytes.length - 1) / 2));
  t.equal(at({ unit: 'REGION_READ', part: 0.5 }), undefined, 'it is another one');
});

t.test('a unit that has begun is not cut any more', async (t) => {
  const [first, second] = FRAMES as [NamedUnit, NamedUnit];
  const stream = new UnitStream(portableFormat);
  stream.push(PREFACE.bytes);
  stream.push(first.bytes.subarray(0, 10));
  stream.seek({ unit: undefined, part: 0 });
  t.equal(stream.push(first.bytes.subarray(10)), undefined);
  t.equal(stream.push(second.bytes), 1);
  t.equal(stream.found, second.name);
  stream.seek(undefined);
  t.equal(stream.found, undefined);
});

t.test('records of TLS', async (t) => {
  const record = (type: number, length: number): Uint8Array =>
    Uint8Array.of(type, 3, 3, length >> 8, length & 0xff, ...new Uint8Array(length));
  const bytes = Buffer.concat([record(22, 500), record(20, 1), record(23, 300)]);
  const stream = new UnitStream(tlsFormat);
  stream.seek({ unit: 'TLS data', part: 0 });
  t.equal(passed(stream, inPieces(bytes, [7])), 505 + 6 + 1);
});

/** WebSocket messages with `bytes` in them; what a client sends is masked. */
function messages(bytes: Uint8Array, lengths: readonly number[], isMasked: boolean): Uint8Array {
  const all: Uint8Array[] = [];
  for (const part of inPieces(bytes, lengths)) {
    const mask = isMasked ? [1, 2, 3, 4] : [];
    const { length } = part;
    const short = length < 126 ? [length] : [126, length >> 8, length & 0xff];
    if (isMasked) short[0] = (short[0] as number) | 0x80;
    // A ping in front of each, which is none of the stream.
    all.push(
      Uint8Array.of(0x89, isMasked ? 0x80 : 0, ...mask),
      Uint8Array.of(0x82, ...short, ...mask),
    );
    all.push(isMasked ? part.map((byte, i) => byte ^ (mask[i % 4] as number)) : part);
  }
  return Buffer.concat(all);
}

t.test('frames in the messages of a WebSocket', async (t) => {
  const http = Buffer.from('GET /chaos HTTP/1.1\r\nHost: localhost\r\n\r\n');
  fc.assert(
    fc.property(
      ...[fc.boolean(), pieceLengths, pieceLengths, parts, fc.constantFrom(...NAMES)],
      (isMasked, messageLengths, lengths, part, name) => {
        const units = [PREFACE, ...FRAMES];
        const bytes = Buffer.concat(units.map((unit) => unit.bytes));
        const raw = Buffer.concat([http, messages(bytes, messageLengths, isMasked)]);
        const stream = new WebSocketUnits();
        stream.push(http);
        stream.seek({ unit: name, part });
        const cut = passed(stream, inPieces(raw.subarray(http.length), lengths)) ?? -1;
        // What has passed, without the framing of WebSockets, ends within the frame.
        const whole = plainBytes(raw.subarray(http.length, http.length + cut), isMasked);
        const [from, to] = placeOf(units, name);
        return from < whole && whole < to && stream.found === name;
      },
    ),
  );
  const cutOf = (part: number, lengths: readonly number[]): number | undefined => {
    const stream = new WebSocketUnits();
    stream.seek({ unit: 'HTTP', part });
    return passed(stream, inPieces(http, lengths));
  };
  t.equal(cutOf(0, [http.length]), 1);
  t.equal(cutOf(1, [http.length]), http.length - 1);
  t.equal(cutOf(0, [http.length - 2, 2]), http.length - 2, 'what has passed has passed');
});

/** Bytes of data in the beginning of WebSocket messages. */
function plainBytes(raw: Uint8Array, isMasked: boolean): number {
  const maskBytes = isMasked ? 4 : 0;
  let plain = 0;
  for (let at = 0; at < raw.length; ) {
    const isPing = raw[at] === 0x89;
    const short = (raw[at + 1] ?? 0) & 0x7f;
    const length = short === 126 ? ((raw[at + 2] ?? 0) << 8) | (raw[at + 3] ?? 0) : short;
    at += 2 + (short === 126 ? 2 : 0) + maskBytes;
    if (!isPing) plain += Math.max(0, Math.min(length, raw.length - at));
    at += length;
  }
  return plain;
}

t.test('what the encoding makes is told apart', async (t) => {
  const encoding = new PortableEncoding();
  const { head } = encoding.encodeRequest(Command.REGION_READ, 1, {
    offset: 0,
    region: 0,
    count: 4,
  });
  const stream = new UnitStream(portableFormat);
  stream.push(PREFACE.bytes);
  stream.seek({ unit: 'REGION_READ', part: 0 });
  t.equal(stream.push(head), 1);
});
