import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Packr } from 'msgpackr/pack';
import { unpack } from 'msgpackr/unpack';
import t from 'tap';
import type { EncodedMessage } from '../../../src/protocol/encoding.js';
import { Command, ExtensionCommand } from '../../../src/protocol/enums.js';
import type { KnownCommand, Message } from '../../../src/protocol/messages.js';
import { PortableEncoding } from '../../../src/protocol/portable/portable-encoding.js';
import { replyBodies, requestBodies } from '../bodies.js';
import { frameOf, hex } from '../wire.js';
import {
  eventIrqs,
  exposedMap,
  extensionBodies,
  pushingWrite,
  versions,
} from './extension-bodies.js';
import { frameOfRecord } from './frames.js';
import { replyOnArrival, requestOnArrival } from './on-arrival.js';
import { ROOM } from './samples.js';
import { readVectors } from './vector-file.js';

const portable = new PortableEncoding({ maxDataXferSize: ROOM });
const u16 = fc.integer({ min: 0, max: 0xffff });
const nothing = fc.constant(undefined);

/** Bodies by command, types left out: each is only given to the codec of its own command. */
type Bodies = Record<number, fc.Arbitrary<never>>;
const requests = {
  ...requestBodies,
  ...extensionBodies,
  [Command.VERSION]: versions,
  [Command.DMA_MAP]: fc.oneof(requestBodies[Command.DMA_MAP], exposedMap),
  [Command.REGION_WRITE]: fc.oneof(requestBodies[Command.REGION_WRITE], pushingWrite),
  [Command.DEVICE_SET_IRQS]: fc.oneof(requestBodies[Command.DEVICE_SET_IRQS], eventIrqs),
} as unknown as Bodies;
const replies = { ...replyBodies, [Command.VERSION]: versions } as unknown as Bodies;
const commands = Object.entries({ ...Command, ...ExtensionCommand }) as [string, KnownCommand][];

const wire = ({ head, data }: EncodedMessage): Buffer =>
  Buffer.concat([head, data ?? Buffer.alloc(0)]);
const decode = (message: EncodedMessage): Message => portable.decode(frameOf(wire(message)));

for (const [name, command] of commands) {
  t.test(`every ${name} survives encoding and decoding`, async () => {
    fc.assert(
      fc.property(u16, requests[command] ?? nothing, fc.boolean(), (id, body, noReply) => {
        const message = decode(portable.encodeRequest(command, id, body as never, noReply));
        const arrived = requestOnArrival(command, body);
        return isDeepStrictEqual(message, { kind: 'request', command, id, noReply, body: arrived });
      }),
    );
    fc.assert(
      fc.property(u16, replies[command] ?? nothing, (id, body) => {
        const message = decode(portable.encodeReply(command, id, body as never));
        const arrived = replyOnArrival(command, body);
        return isDeepStrictEqual(message, { kind: 'reply', command, id, body: arrived });
      }),
    );
  });
}

t.test('every error survives encoding and decoding', async () => {
  const errno = fc.integer({ min: 0, max: 0xffff_ffff });
  const text = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
  fc.assert(
    fc.property(u16, u16, errno, text, (command, id, errno, text) => {
      const message = decode(portable.encodeError(command, id, errno, text));
      const error = { kind: 'error', command, id, errno };
      return isDeepStrictEqual(message, text === undefined ? error : { ...error, text });
    }),
  );
});

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: 'auto' });

/** Numbers above 32 bits are floats to the library, unless they are of the other type. */
function widened(value: unknown): unknown {
  if (typeof value === 'number') return value > 0xffff_ffff ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(widened);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, widened(item)]));
}

/** Keys of every map backwards: what is read without schemas comes in one order only. */
function backwards(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(backwards);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, item]) => [key, backwards(item)]));
}

const recordIn = (bytes: Buffer): Buffer => bytes.subarray(8, 8 + bytes.readUInt32LE(4));

/** The commands that are written and read without the library. */
const hotCommands = [
  Command.REGION_READ,
  Command.REGION_WRITE,
  Command.DMA_READ,
  Command.DMA_WRITE,
  ExtensionCommand.INTERRUPT,
  ExtensionCommand.DOORBELL,
];
const hotMessage = fc.constantFrom<KnownCommand>(...hotCommands).chain((command) =>
  fc.oneof(
    fc
      .tuple(u16, requests[command] ?? nothing, fc.boolean())
      .map(([id, body, noReply]) => wire(portable.encodeRequest(command, id, body, noReply))),
    fc
      .tuple(u16, replies[command] ?? nothing)
      .map(([id, body]) => wire(portable.encodeReply(command, id, body))),
  ),
);

t.test('what is written without the library is what the library writes', async () => {
  fc.assert(
    fc.property(hotMessage, (bytes) => {
      const record = recordIn(bytes);
      return packr.pack(widened(packr.unpack(record))).equals(record);
    }),
    { numRuns: 1000 },
  );
});

t.test('what is read without the schemas is what the schemas read', async () => {
  fc.assert(
    fc.property(hotMessage, (bytes) => {
      const record = recordIn(bytes);
      const other = packr.pack(widened(backwards(packr.unpack(record))));
      const frame = frameOfRecord(other, bytes.subarray(8 + record.length));
      return isDeepStrictEqual(portable.decode(frame), portable.decode(frameOf(bytes)));
    }),
    { numRuns: 1000 },
  );
});

t.test('arbitrary bytes are a message, whatever they say', async (t) => {
  const kinds = ['request', 'reply', 'error', 'malformed'];
  const known = (bytes: Uint8Array): boolean =>
    kinds.includes(portable.decode(frameOf(bytes)).kind);
  const anything = fc.uint8Array({ maxLength: 64 });
  fc.assert(fc.property(anything, known));
  fc.assert(
    fc.property(anything, anything, (record, data) => {
      return kinds.includes(portable.decode(frameOfRecord(record, data)).kind);
    }),
  );
  const frames = (await readVectors())
    .filter(({ name }) => !name.startsWith('preface'))
    .map((vector) => hex(vector.hex));
  const frame = fc.constantFrom(...frames);
  fc.assert(
    fc.property(
      frame,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      (frame, edits) => {
        const bytes = Buffer.from(frame);
        // Behind the header, which framing has judged.
        for (const [at, value] of edits) bytes[8 + (at % (bytes.length - 8))] = value;
        return known(bytes);
      },
    ),
    { numRuns: 5000 },
  );
  t.ok(frames.length > 40);
});

t.test('any record is a message, whatever it holds', async () => {
  const leaf = fc.oneof(
    fc.integer(),
    fc.constantFrom('request', 'reply', 'error', ''),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.double(),
  );
  const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(fc.string(), leaf));
  const record = fc.record(
    {
      type: fc.oneof({ weight: 4, arbitrary: fc.constantFrom('request', 'reply', 'error') }, value),
      command: fc.oneof(fc.constantFrom(...commands.map(([, command]) => command)), value),
      id: fc.oneof(u16, value),
      body: fc.oneof(value, fc.dictionary(fc.constantFrom('offset', 'count', 'flags'), value)),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(record, (record) => {
      const bytes = new Packr({ useRecords: false, variableMapSize: true }).pack(record);
      const message = portable.decode(frameOfRecord(bytes));
      return message.kind !== 'malformed' || typeof unpack(bytes) === 'object';
    }),
    { numRuns: 2000 },
  );
});
