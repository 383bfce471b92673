import { readFile } from 'node:fs/promises';
import t from 'tap';
import type { EncodedMessage } from '../../../src/protocol/encoding.js';
import { Command, ExtensionCommand } from '../../../src/protocol/enums.js';
import type { ReplyBodies, RequestBodies } from '../../../src/protocol/messages.js';
import {
  decodeLinkFrame,
  encodeLinkFrame,
  isLinkFrame,
  type LinkFrame,
  LinkFrameKind,
} from '../../../src/protocol/portable/link-frames.js';
import {
  decodeAccess,
  decodeProgresses,
  decodeRanges,
  encodeAccess,
  encodeProgresses,
  encodeRanges,
} from '../../../src/protocol/portable/memory-frames.js';
import { PortableEncoding } from '../../../src/protocol/portable/portable-encoding.js';
import {
  decodePreface,
  encodePreface,
  PREFACE_HEADER_BYTES,
  type Preface,
} from '../../../src/protocol/portable/preface.js';
import { frameOf, hex, hexText } from '../wire.js';
import { ROOM, type Sample, samples } from './samples.js';
import { readVectors, recordJson, type Vector, writeVectors } from './vector-file.js';

const portable = new PortableEncoding({ maxDataXferSize: ROOM });

const attempt = Uint8Array.of(0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7);
const sessionId = Uint8Array.from({ length: 16 }, (_, i) => 16 + i);

const prefaces: ReadonlyMap<string, Preface> = new Map([
  ['preface-client', preface(new Uint8Array(16), ['acknowledge', 'interrupt', 'push'])],
  [
    'preface-attachment',
    { ...preface(new Uint8Array(16), []), attachment: Uint8Array.of(0x81, 0xa1, 0x78, 0x01) },
  ],
  ['preface-server', preface(sessionId, ['interrupt'])],
  ['preface-continue-client', { ...continued(4_294_967_296), attempt }],
  ['preface-continue-server', continued(70_000, 60_000)],
]);

type LinkFrameSample = LinkFrame & { readonly kind: LinkFrameKind };

const linkFrame = (
  name: string,
  kind: LinkFrameKind,
  value: number,
  handled: number,
  ...payload: readonly Uint8Array[]
): [string, LinkFrameSample] => [
  name,
  { kind, value, handled, payload: new Uint8Array(Buffer.concat(payload)) },
];
const ranges = [
  { offset: 0, length: 0x2000_0000, address: 0x7fff_0000_1000, key: 0x8000_0001 },
  { offset: 0x3000_0000, length: 0x1000_0000, address: 0x7fff_3000_1000, key: 7 },
];
const progresses = [
  { id: 0x12, position: 0xff_fffe },
  { id: 0x11, position: 5 },
];
const written = Uint8Array.of(0xa0, 0xa1, 0xa2, 0xa3);

const linkFrames: ReadonlyMap<string, LinkFrameSample> = new Map([
  linkFrame('link-handled', LinkFrameKind.HANDLED, 0, 70_000),
  linkFrame('link-keep-alive', LinkFrameKind.KEEP_ALIVE, 7, 70_000),
  linkFrame('link-keep-alive-reply', LinkFrameKind.KEEP_ALIVE_REPLY, 7, 2 ** 32),
  linkFrame('link-end', LinkFrameKind.END, 0, 70_001),
  linkFrame('link-exposed', LinkFrameKind.EXPOSED, 3, 9, encodeRanges(ranges)),
  linkFrame('link-exposed-nothing', LinkFrameKind.EXPOSED, 4, 9),
  linkFrame('link-withdrawn', LinkFrameKind.WITHDRAWN, 3, 9),
  linkFrame('link-all-exposed', LinkFrameKind.ALL_EXPOSED, 41, 9, encodeProgresses(progresses)),
  linkFrame('link-memory-read', LinkFrameKind.MEMORY_READ, 42, 9, encodeAccess(3, 0x2000, 65_536)),
  linkFrame('link-memory-write', LinkFrameKind.MEMORY_WRITE, 43, 9, encodeAccess(3, 8, 4), written),
  linkFrame('link-memory-done', LinkFrameKind.MEMORY_DONE, 42, 9, written),
  linkFrame('link-memory-refused', LinkFrameKind.MEMORY_REFUSED, 43, 9),
]);

/** The preface of a side that goes on with a session. */
function continued(handled: number, holdMs?: number): Preface {
  const { limits, ...first } = preface(sessionId, ['resume']);
  return { ...first, minor: 1, handled, limits: { ...limits, ...(holdMs && { holdMs }) } };
}

function preface(session: Uint8Array, capabilities: readonly string[]): Preface {
  const limits = {
    maxFrameBytes: 1_179_656,
    maxRecordBytes: 65_536,
    maxPushBytes: 65_536,
    maxPushRules: 512,
    windowMessages: 4096,
    windowBytes: 1_048_576,
    silenceMs: 30_000,
  };
  return { major: 1, minor: 0, session, capabilities, limits };
}

function encode(sample: Sample): EncodedMessage {
  switch (sample.kind) {
    case 'request': {
      const { command, id, body, noReply } = sample;
      return portable.encodeRequest(command, id, body as RequestBodies[typeof command], noReply);
    }
    case 'reply': {
      const { command, id, body } = sample;
      return portable.encodeReply(command, id, body as ReplyBodies[typeof command]);
    }
    default:
      return portable.encodeError(sample.command, sample.id, sample.errno, sample.text);
  }
}

function frameVector(name: string, text: string): Vector {
  const bytes = hex(text);
  const end = 8 + bytes.readUInt32LE(4);
  const record = end === 8 ? null : recordJson(bytes.subarray(8, end));
  return { name, hex: text, record, data: bytes.subarray(end).toString('hex') };
}

function linkFrameText({ kind, value, handled, payload }: LinkFrameSample): string {
  return Buffer.from(encodeLinkFrame(kind, value, handled, payload)).toString('hex');
}

function prefaceVector(name: string, bytes: Uint8Array): Vector {
  const map = recordJson(bytes.subarray(PREFACE_HEADER_BYTES));
  return { name, hex: Buffer.from(bytes).toString('hex'), record: map, data: '' };
}

if (process.env.UPDATE_VECTORS === '1') {
  await writeVectors([
    ...[...prefaces].map(([name, preface]) => prefaceVector(name, encodePreface(preface))),
    ...[...linkFrames].map(([name, frame]) => frameVector(name, linkFrameText(frame))),
    ...[...samples].map(([name, sample]) => frameVector(name, hexText(encode(sample)))),
  ]);
}

const vectors = await readVectors();
const byName = new Map(vectors.map((vector) => [vector.name, vector]));

t.test('there is a vector for every message and nothing else', async (t) => {
  const expected = [...prefaces.keys(), ...linkFrames.keys(), ...samples.keys()];
  t.strictSame([...byName.keys()].sort(), expected.sort());
  const commands = new Set([...samples.values()].map(({ command }) => command));
  const all = [...Object.values(Command), ...Object.values(ExtensionCommand)];
  t.strictSame(
    all.filter((command) => !commands.has(command)),
    [],
  );
});

for (const [name, sample] of samples) {
  t.test(`${name} is written and read as published`, async (t) => {
    const vector = byName.get(name);
    if (vector === undefined) return t.fail('no vector');
    t.equal(hexText(encode(sample)), vector.hex);
    t.strictSame(portable.decode(frameOf(hex(vector.hex))), sample);
    t.strictSame(frameVector(name, vector.hex), vector, 'the JSON says what the bytes say');
  });
}

for (const [name, preface] of prefaces) {
  t.test(`${name} is written and read as published`, async (t) => {
    const vector = byName.get(name);
    if (vector === undefined) return t.fail('no vector');
    t.equal(Buffer.from(encodePreface(preface)).toString('hex'), vector.hex);
    t.strictSame(decodePreface(new Uint8Array(hex(vector.hex))), preface);
    t.strictSame(prefaceVector(name, hex(vector.hex)), vector);
  });
}

for (const [name, linkFrame] of linkFrames) {
  t.test(`${name} is written and read as published`, async (t) => {
    const vector = byName.get(name);
    if (vector === undefined) return t.fail('no vector');
    t.equal(linkFrameText(linkFrame), vector.hex);
    const frame = frameOf(hex(vector.hex));
    t.ok(isLinkFrame(frame));
    t.strictSame(decodeLinkFrame(frame), linkFrame);
    t.strictSame(frameVector(name, vector.hex), vector);
  });
}

t.test('there is a vector for every link frame, and what it has more is read', async (t) => {
  const kinds = new Set<number>([...linkFrames.values()].map(({ kind }) => kind));
  t.same(
    Object.values(LinkFrameKind).filter((kind) => !kinds.has(kind)),
    [],
  );
  const payload = (name: string): Uint8Array => linkFrames.get(name)!.payload;
  t.strictSame(decodeRanges(payload('link-exposed')), ranges);
  t.strictSame(decodeRanges(payload('link-exposed-nothing')), []);
  t.strictSame(decodeProgresses(payload('link-all-exposed')), progresses);
  const read = { memory: 3, offset: 0x2000, length: 65_536, data: new Uint8Array(0) };
  t.strictSame(decodeAccess(payload('link-memory-read'), false), read);
  const write = { memory: 3, offset: 8, length: 4, data: written };
  t.strictSame(decodeAccess(payload('link-memory-write'), true), write);
});

const docs = new URL('../../../../../docs/portable-protocol.md', import.meta.url);

t.test('the documentation has a section for every command', async (t) => {
  const headings = [...(await readFile(docs, 'utf8')).matchAll(/^### (.*)$/gm)].join('\n');
  for (const [name, number] of Object.entries({ ...Command, ...ExtensionCommand })) {
    t.ok(headings.includes(`${name} (${number})`), name);
  }
});

t.test('every hexadecimal example in the documentation is a vector', async (t) => {
  const text = await readFile(docs, 'utf8');
  const examples = [...text.matchAll(/```hex ([a-z-]+)\n([^`]*)```/g)];
  t.ok(examples.length >= 10, `${examples.length} examples`);
  for (const [, name = '', block = ''] of examples) {
    // Each line is bytes, then perhaps two spaces and what they are.
    const bytes = block.replace(/ {2}.*$/gm, '').replace(/\s+/g, '');
    t.equal(bytes, byName.get(name)?.hex, name);
  }
});
