import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import type { EncodedMessage } from '../../src/protocol/encoding.js';
import { Command, type CommandNumber } from '../../src/protocol/enums.js';
import { NativeEncoding } from '../../src/protocol/native/native-encoding.js';
import { replyBodies, requestBodies } from './bodies.js';
import { frameOf, frameWith } from './wire.js';

const native = new NativeEncoding();
const commands = Object.entries(Command) as [string, CommandNumber][];
const u16 = fc.integer({ min: 0, max: 0xffff });

const decode = ({ head, data }: EncodedMessage) =>
  native.decode(frameOf(Buffer.concat([head, data ?? Buffer.alloc(0)])));

for (const [name, command] of commands) {
  t.test(`every ${name} survives encoding and decoding`, async () => {
    const requests: fc.Arbitrary<never> = requestBodies[command] as fc.Arbitrary<never>;
    fc.assert(
      fc.property(u16, requests, fc.boolean(), (id, body, noReply) => {
        const message = decode(native.encodeRequest(command, id, body, noReply));
        return isDeepStrictEqual(message, { kind: 'request', command, id, noReply, body });
      }),
    );
    const replies: fc.Arbitrary<never> = replyBodies[command] as fc.Arbitrary<never>;
    fc.assert(
      fc.property(u16, replies, (id, body) => {
        const message = decode(native.encodeReply(command, id, body));
        return isDeepStrictEqual(message, { kind: 'reply', command, id, body });
      }),
    );
  });
}

t.test('every error survives encoding and decoding', async () => {
  fc.assert(
    fc.property(u16, u16, fc.integer({ min: 0, max: 0xffff_ffff }), (command, id, errno) => {
      const message = decode(native.encodeError(command, id, errno));
      return isDeepStrictEqual(message, { kind: 'error', command, id, errno });
    }),
  );
});

t.test('arbitrary bytes are a message, whatever they say', async () => {
  const kinds = ['request', 'reply', 'error', 'malformed'];
  const command = fc.oneof(fc.constantFrom(...Object.values(Command)), u16);
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    // Mostly small fields: they get further than random ones, which fail the first check.
    fc.array(fc.oneof(fc.nat(64), fc.nat(0xffff_ffff)), { maxLength: 30 }).map((fields) => {
      const bytes = Buffer.alloc(4 * fields.length);
      fields.forEach((field, i) => void bytes.writeUInt32LE(field, 4 * i));
      return bytes;
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) =>
      kinds.includes(native.decode(frameOf(bytes)).kind),
    ),
  );
  fc.assert(
    fc.property(command, payload, fc.nat(0x3f), (command, payload, flags) =>
      kinds.includes(native.decode(frameWith(command, payload, { flags })).kind),
    ),
    { numRuns: 3000 },
  );
});
