import fc from 'fast-check';
import { Packr } from 'msgpackr/pack';
import t from 'tap';
import { ProtocolViolationError } from '../../../src/errors.js';
import {
  decodePreface,
  encodePreface,
  type Preface,
  prefaceLength,
  withoutSessionId,
} from '../../../src/protocol/portable/preface.js';
import { hex } from '../wire.js';

const limits = {
  maxFrameBytes: 1 << 20,
  maxRecordBytes: 65_536,
  maxPushBytes: 0,
  maxPushRules: 0,
  windowMessages: 0,
  windowBytes: 0,
  silenceMs: 0,
};
const preface: Preface = {
  major: 1,
  minor: 0,
  session: new Uint8Array(16),
  capabilities: ['interrupt'],
  limits,
};
const violation = (message: RegExp) => ({ code: 'VFU_PROTOCOL_VIOLATION', message });

/** A right header in front of a map. */
function withMap(map: object, minor = 0): Uint8Array {
  const packed = new Packr({ useRecords: false, variableMapSize: true }).pack(map);
  const bytes = Buffer.alloc(16 + packed.length);
  bytes.set(hex('895646550d0a1a0a 0100'));
  bytes.writeUInt16LE(minor, 10);
  bytes.writeUInt32LE(packed.length, 12);
  bytes.set(packed, 16);
  return bytes;
}

t.test('every preface survives encoding and decoding', async (t) => {
  const u32 = fc.nat(0xffff_ffff);
  const arbitrary = fc.record({
    session: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    capabilities: fc.array(fc.string({ maxLength: 30 }), { maxLength: 8 }),
    limits: fc.record({
      maxFrameBytes: fc.integer({ min: 16, max: 0xffff_ffff }),
      maxRecordBytes: u32,
      maxPushBytes: u32,
      maxPushRules: u32,
      windowMessages: fc.maxSafeNat(),
      windowBytes: fc.maxSafeNat(),
      silenceMs: u32,
    }),
    holdMs: fc.option(u32, { nil: undefined }),
    handled: fc.option(fc.maxSafeNat(), { nil: undefined }),
    attempt: fc.option(fc.uint8Array({ minLength: 8, maxLength: 8 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(arbitrary, ({ session, capabilities, limits, holdMs, handled, attempt }) => {
      const written: Preface = {
        major: 1,
        minor: 1,
        session,
        capabilities,
        limits: { ...limits, ...(holdMs !== undefined && { holdMs }) },
        ...(handled !== undefined && { handled }),
        ...(attempt && { attempt }),
      };
      const whole = encodePreface(written);
      t.equal(prefaceLength(whole), whole.length);
      t.strictSame(decodePreface(whole), written);
    }),
    { numRuns: 50 },
  );
});

t.test('its length is known once 16 bytes are there', async (t) => {
  const bytes = encodePreface(preface);
  for (const count of [0, 6, 7, 8, 15]) t.equal(prefaceLength(bytes.subarray(0, count)), undefined);
  t.equal(prefaceLength(bytes.subarray(0, 16)), bytes.length);
  t.equal(prefaceLength(Buffer.concat([bytes, Buffer.alloc(100)])), bytes.length);
  t.throws(() => decodePreface(bytes.subarray(0, -1)), violation(/a preface of \d+ bytes in/));
  t.throws(() => decodePreface(bytes.subarray(0, 3)), violation(/at least 16 bytes in 3/));
});

t.test('the lesser minor version counts, another major one is refused', async (t) => {
  const { session, capabilities } = preface;
  t.equal(decodePreface(withMap({ session, capabilities, limits }, 0)).minor, 0);
  t.equal(decodePreface(withMap({ session, capabilities, limits }, 999)).minor, 1);
  const other = encodePreface({ ...preface, major: 2, minor: 7 });
  t.throws(
    () => prefaceLength(other),
    violation(/peer speaks version 2\.7 of the portable encoding, this side 1\.1/),
  );
});

t.test('what is no preface is named', async (t) => {
  const cases: readonly [bytes: Uint8Array, name: RegExp][] = [
    [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n'), /looks like HTTP.*47 45 54 20/],
    [Buffer.from('HTTP/1.1 400 Bad Request'), /looks like HTTP/],
    [hex('16030102000100'), /TLS ClientHello on a plain port/],
    [hex('15030300020228'), /TLS alert/],
    [hex('0000 0100 d6000000 00000000 00000000'), /classic vfio-user: add \?encoding=native/],
    [Buffer.from('SSH-2.0-OpenSSH_9.2'), /SSH server/],
    [hex('deadbeef00000000'), /its protocol is unknown \(it sent de ad be ef 00 00 00 00\)/],
    [hex('8956465550d0a1a0a0'), /unknown/],
  ];
  for (const [bytes, name] of cases) t.throws(() => prefaceLength(bytes), violation(name));
});

t.test('a map above 4096 bytes is refused before it is waited for', async (t) => {
  const bytes = encodePreface(preface);
  const view = new DataView(bytes.buffer);
  view.setUint32(12, 4096, true);
  t.equal(prefaceLength(bytes), 16 + 4096);
  view.setUint32(12, 4097, true);
  t.throws(() => prefaceLength(bytes), violation(/map of 4097 bytes, the limit is 4096/));
});

t.test('a map that is not right is refused by name, unknown keys are ignored', async (t) => {
  const { session, capabilities } = preface;
  const right = { session, capabilities, limits };
  t.match(decodePreface(withMap({ ...right, later: 1, limits: { ...limits, later: 1 } })), preface);
  const wrong: readonly [object, RegExp][] = [
    [{}, /session/],
    [{ ...right, session: new Uint8Array(15) }, /session: expected 16 bytes/],
    [{ ...right, session: 'x'.repeat(16) }, /session/],
    [{ ...right, capabilities: 'interrupt' }, /capabilities/],
    [{ ...right, capabilities: ['x'.repeat(65)] }, /capabilities\.0/],
    [{ ...right, capabilities: new Array(65).fill('x') }, /capabilities/],
    [{ ...right, limits: { ...limits, silenceMs: -1 } }, /limits\.silenceMs/],
    [{ ...right, limits: { ...limits, maxFrameBytes: 15 } }, /limits\.maxFrameBytes/],
    [{ ...right, limits: { ...limits, holdMs: 2n ** 32n } }, /limits\.holdMs/],
    [{ ...right, handled: -1 }, /handled/],
    [{ ...right, handled: 2n ** 53n }, /handled/],
    [{ ...right, attempt: new Uint8Array(9) }, /attempt: expected 8 bytes/],
  ];
  for (const [map, message] of wrong)
    t.throws(() => decodePreface(withMap(map)), violation(message));
  t.throws(() => decodePreface(hex('895646550d0a1a0a 01000000 01000000 c1')), violation(/no map/));
});

t.test(
  'a copy to be shown has zeros in place of the session id, and nothing else changes',
  async (t) => {
    const session = new Uint8Array(16).fill(0xee);
    const named = encodePreface({ ...preface, session, handled: 5 });
    t.strictSame(withoutSessionId(named), encodePreface({ ...preface, handled: 5 }));
    t.ok(named.includes(0xee), 'the preface itself stays');
    for (const spoiled of [
      named.with(17, 0xc1),
      named.subarray(0, -1),
      withMap({ session: 'ee' }),
    ]) {
      const shown = withoutSessionId(spoiled);
      t.strictSame(shown.subarray(0, 16), Uint8Array.from(spoiled.subarray(0, 16)));
      t.ok(
        shown.subarray(16).every((byte) => byte === 0),
        'a map without a readable id is left out',
      );
    }
    t.strictSame(withoutSessionId(hex('010203')), new Uint8Array([1, 2, 3]));
  },
);

t.test('arbitrary bytes are a preface or a protocol violation', async () => {
  const right = encodePreface(preface);
  const edited = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }).map((edits) => {
    const bytes = right.slice();
    for (const [at, value] of edits) bytes[at % bytes.length] = value;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), edited), (bytes) => {
      try {
        return decodePreface(bytes).session.length === 16;
      } catch (error) {
        return error instanceof ProtocolViolationError;
      }
    }),
    { numRuns: 3000 },
  );
});
