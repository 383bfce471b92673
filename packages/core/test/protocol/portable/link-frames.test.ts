import fc from 'fast-check';
import t from 'tap';
import { PortableFraming } from '../../../src/protocol/portable/framing.js';
import {
  decodeLinkFrame,
  encodeLinkFrame,
  isLinkFrame,
  LinkFrameKind,
} from '../../../src/protocol/portable/link-frames.js';
import { PortableEncoding } from '../../../src/protocol/portable/portable-encoding.js';
import { frameOf, hex } from '../wire.js';

const u32 = fc.nat(0xffff_ffff);

t.test('every link frame survives encoding and decoding, and is a frame', async (t) => {
  const kinds = fc.constantFrom(...Object.values(LinkFrameKind));
  fc.assert(
    fc.property(kinds, u32, fc.maxSafeNat(), fc.uint8Array(), (kind, value, handled, payload) => {
      const bytes = encodeLinkFrame(kind, value, handled, payload);
      const frame = frameOf(bytes);
      t.equal(new PortableFraming().frameLength(frame.view, frame.start), bytes.length);
      t.equal(isLinkFrame(frame), true);
      t.strictSame(decodeLinkFrame(frame), { kind, value, handled, payload });
    }),
  );
});

t.test('a longer one is read, a shorter one is malformed', async (t) => {
  const whole = hex('1c000000 00000000 01000000 02000000 0300000000000000 ffffffff');
  t.strictSame(decodeLinkFrame(frameOf(whole)), {
    ...{ kind: 1, value: 2, handled: 3 },
    payload: new Uint8Array(4).fill(0xff),
  });
  for (let length = 8; length < 24; length++) {
    const short = Buffer.from(whole.subarray(0, length));
    short.writeUInt32LE(length, 0);
    t.equal(isLinkFrame(frameOf(short)), true);
    t.equal(decodeLinkFrame(frameOf(short)), undefined, `${length} bytes`);
  }
});

t.test(
  'numbers of any size are read without an error, and no huge one becomes a small one',
  async (t) => {
    fc.assert(
      fc.property(u32, u32, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (kind, value, handled) => {
        const bytes = Buffer.alloc(24);
        bytes.writeUInt32LE(24, 0);
        bytes.writeUInt32LE(kind, 8);
        bytes.writeUInt32LE(value, 12);
        bytes.writeBigUInt64LE(handled, 16);
        const found = decodeLinkFrame(frameOf(bytes));
        t.match(found, { kind, value });
        if (handled < 2n ** 53n) t.equal(found?.handled, Number(handled));
        else t.ok((found?.handled ?? 0) >= 2 ** 53);
      }),
    );
  },
);

t.test('messages are no link frames', async (t) => {
  const portable = new PortableEncoding();
  t.equal(isLinkFrame(frameOf(portable.encodeError(1, 1, 22).head)), false);
  t.equal(isLinkFrame(frameOf(hex('09000000 01000000 80'))), false, 'an empty map');
});
