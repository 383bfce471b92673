import { Packr } from 'msgpackr/pack';
import t from 'tap';
import { EINVAL } from '../../../src/errno.js';
import { Command, ExtensionCommand } from '../../../src/protocol/enums.js';
import { portableJsonSchema } from '../../../src/protocol/portable/json-schema.js';
import { PortableEncoding } from '../../../src/protocol/portable/portable-encoding.js';
import { frameOf, hex } from '../wire.js';
import { frameOfRecord } from './frames.js';

const portable = new PortableEncoding();
const packr = new Packr({ useRecords: false, variableMapSize: true });

const decodeRecord = (record: object, data?: Uint8Array) =>
  portable.decode(frameOfRecord(packr.pack(record), data));
const decodeHex = (text: string) => portable.decode(frameOfRecord(hex(text)));
const read = { type: 'request', command: 9, id: 7, body: { offset: 0, region: 7, count: 4 } };
const write = { type: 'request', command: 10, id: 7, body: { offset: 0, region: 7, count: 4 } };

/** `record` without the key at the end of `path`. */
function without(record: object, path: readonly string[]): object {
  const [key = '', ...rest] = path;
  const entries = Object.entries(record).filter(([name]) => rest.length > 0 || name !== key);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, name === key ? without(value, rest) : value]),
  );
}

t.test('a key that is missing is named', async (t) => {
  for (const path of [['body'], ['body', 'offset'], ['body', 'region'], ['body', 'count']]) {
    t.match(decodeRecord(without(read, path)), {
      kind: 'malformed',
      isRequest: true,
      command: Command.REGION_READ,
      id: 7,
      noReply: false,
      errno: EINVAL,
      reason: new RegExp(`^REGION_READ: ${path.join('\\.')}: `),
    });
  }
  const rules = { type: 'request', command: ExtensionCommand.PUSH_RULES, id: 1 };
  t.match(decodeRecord({ ...rules, body: { rules: [{ id: 1 }] } }), {
    reason: /^PUSH_RULES: body\.rules\.0\.region: .*; body\.rules\.0\.offset: /,
  });
});

t.test('keys that are not known are ignored everywhere', async (t) => {
  const body = { ...read.body, colour: ['blue', null, { deep: true }] };
  t.match(decodeRecord({ ...read, body, hint: Buffer.from('x') }), {
    kind: 'request',
    body: read.body,
  });
  t.match(decodeRecord({ type: 'error', command: 9, id: 7, errno: 5, hint: 1 }), { errno: 5 });
  t.match(decodeRecord({ type: 'reply', command: 13, id: 7, body: { any: 1 } }), { kind: 'reply' });
});

t.test('a value of the wrong type or out of range is refused', async (t) => {
  const values = [-1, '0', null, true, [], {}, Buffer.alloc(1), 2n ** 53n, 0x1_0000_0000n];
  for (const region of values) {
    const message = decodeRecord({ ...read, body: { ...read.body, region } });
    t.match(message, { kind: 'malformed', errno: EINVAL, reason: /body\.region/ }, String(region));
  }
  const offset = (offset: unknown) => decodeRecord({ ...read, body: { ...read.body, offset } });
  t.match(offset(2n ** 53n - 1n), { kind: 'request', body: { offset: 2 ** 53 - 1 } });
  t.match(offset(2n ** 53n), { kind: 'malformed', reason: /body\.offset/ });
  t.match(offset(2n ** 64n - 1n), { kind: 'malformed', reason: /body\.offset/ });
  const multi = { type: 'request', command: Command.REGION_WRITE_MULTI, id: 7 };
  const long = { offset: 0, region: 0, count: 9 };
  t.match(decodeRecord({ ...multi, body: { writes: [long] } }, new Uint8Array(9)), {
    reason: /writes\.0\.count/,
  });
  const many = Array.from({ length: 1025 }, () => ({ ...long, count: 0 }));
  t.match(decodeRecord({ ...multi, body: { writes: many } }), { reason: /body\.writes/ });
});

t.test('addresses are exact up to 2^64 - 1 and refused beyond the sign', async (t) => {
  const dma = (address: unknown) =>
    decodeRecord({ type: 'request', command: 11, body: { address, count: 1 }, id: 7 });
  for (const address of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    t.match(dma(address), { kind: 'request', body: { address } });
  }
  t.match(dma(2n ** 53n - 1n), { body: { address: 2 ** 53 - 1 } });
  t.match(dma(-1), { kind: 'malformed', reason: /address/ });
  t.match(dma(-(2n ** 63n)), { kind: 'malformed', reason: /address/ });
});

t.test('data and record must agree', async (t) => {
  t.match(decodeRecord(write, new Uint8Array(4)), { kind: 'request' });
  for (const bytes of [0, 3, 5]) {
    t.match(decodeRecord(write, new Uint8Array(bytes)), {
      kind: 'malformed',
      id: 7,
      reason: `REGION_WRITE: the record announces 4 bytes of data, the frame has ${bytes}`,
    });
  }
  t.match(decodeRecord(read, new Uint8Array(1)), { reason: /announces 0 bytes of data/ });
  const body = { ...write.body, pushed: [{ address: 0, count: 0xffff_ffff }] };
  t.match(decodeRecord({ ...write, body }, new Uint8Array(8)), {
    reason: /announces 4294967299 bytes of data, the frame has 8/,
  });
  const unmap = { flags: 1, address: 0, size: 4096 };
  t.match(decodeRecord({ type: 'request', command: 3, id: 7, body: unmap }), {
    reason: /GET_DIRTY_BITMAP without a bitmap/,
  });
});

t.test('a request that cannot be understood is answered if its id can be', async (t) => {
  const unknown = { kind: 'malformed', isRequest: true, errno: EINVAL, id: 7, noReply: false };
  t.match(decodeRecord({ type: 'request', command: 99, id: 7 }), {
    ...unknown,
    command: 99,
    reason: 'command 99: unknown command',
  });
  t.match(decodeRecord({ type: 'question', command: 9, id: 7 }), { ...unknown, command: 9 });
  t.match(decodeRecord({ type: 'request', id: 7 }), unknown);
  t.match(decodeRecord({ ...read, body: 1, noReply: true }), { isRequest: true, noReply: true });
  t.match(decodeRecord({ ...read, id: 0x1_0000 }), { isRequest: true, noReply: true, id: 0 });
  t.match(decodeRecord(without(read, ['id'])), { isRequest: true, noReply: true, id: 0 });
  t.match(decodeRecord({ type: 'reply', command: 9, id: 7, body: 1 }), { isRequest: false, id: 7 });
  t.match(decodeRecord({ type: 'error', command: 9, id: 7 }), {
    kind: 'malformed',
    isRequest: false,
    id: 7,
  });
});

t.test('MessagePack that is no record is refused before the library sees it', async (t) => {
  const nested = (depth: number) => ({ type: 'request', x: nest(depth) });
  const nest = (depth: number): unknown => (depth === 0 ? 1 : [nest(depth - 1)]);
  const cases: readonly [what: string, bytes: string, reason: RegExp][] = [
    ['nothing', '', /no map/],
    ['an array', '90', /no map/],
    ['a number', '01', /no map/],
    ['two maps', '8080', /1 bytes lie behind it/],
    ['a map cut short', '81', /cut short/],
    ['a value cut short', '81a178', /cut short/],
    ['an integer cut short', '81a178ce0000', /cut short/],
    ['a huge string', '81a178dbffffffff', /cut short/],
    ['a huge array', '81a178ddffffffff', /cut short/],
    ['a huge map', 'dfffffffff', /cut short/],
    ['a length cut short', '81a178dc00', /cut short/],
    ['a number as a key', '8101a178', /key of a map is no string/],
    ['a float', '81a178ca3f800000', /format 0xca/],
    ['a double', '81a178cb3ff0000000000000', /format 0xcb/],
    ['an extension', '81a178d40001', /format 0xd4/],
    ['a record of the library', '81a178d472409301a161c0', /format 0xd4/],
    ['a timestamp', '81a178d6ff00000000', /format 0xd6/],
    ['the format never used', '81a178c1', /format 0xc1/],
    ['depth without end', '81a178'.padEnd(20_000, '91'), /nests more than 8 deep/],
    ['depth 9', packr.pack(nested(8)).toString('hex'), /nests more than 8 deep/],
  ];
  for (const [what, bytes, reason] of cases) {
    const message = decodeHex(bytes);
    t.match(message, { kind: 'malformed', isRequest: true, noReply: true, reason }, what);
  }
  t.match(decodeRecord(nested(7)), { reason: /names no command/ }, 'depth 8');
  t.match(portable.decode(frameOf(hex('000000'))), { reason: /no header/ });
  t.match(portable.decode(frameOf(hex('0800000001000000'))), { reason: /longer than its frame/ });
});

t.test('long integers and strings are read whatever their format', async (t) => {
  // {"type": "request", "command": 13, "id": 7} with str 32, int 64 and uint 32.
  const bytes =
    'df00000003 d90474797065 db0000000772657175657374 da0007636f6d6d616e64 d3000000000000000d a26964 ce00000007';
  t.match(decodeHex(bytes), { kind: 'request', command: Command.DEVICE_RESET, id: 7 });
});

t.test('a key named __proto__ is data like any other', async (t) => {
  const name = Buffer.from('__proto__').toString('hex');
  // {"type": "reply", "command": 13, "__proto__": {"id": 7}}
  const bytes = `83 a474797065 a57265706c79 a7636f6d6d616e64 0d a9${name} 81a2696407`;
  t.match(decodeHex(bytes), { kind: 'malformed', isRequest: false, id: 0, reason: /id: / });
});

t.test('every key that a schema requires is required by the decoder', async (t) => {
  const { $defs } = portableJsonSchema() as {
    $defs: Record<string, { required: string[]; properties: { command?: { const?: number } } }>;
  };
  for (const [name, { required, properties }] of Object.entries($defs)) {
    if (properties.command?.const === undefined) continue;
    const type = name.endsWith('Request') ? 'request' : 'reply';
    const record = { type, command: properties.command.const, id: 7 };
    const kind = required.includes('body') ? 'malformed' : type;
    t.equal(decodeRecord(record).kind, kind, name);
  }
});
