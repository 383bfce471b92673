import fc from 'fast-check';
import t from 'tap';
import { gidFromText, gidToText } from '../src/index.js';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

t.test('a GID is the text of an IPv6 address', async (t) => {
  for (const [hex, text] of [
    ['fe80000000000000505400fffe000001', 'fe80::5054:ff:fe00:1'],
    ['00000000000000000000ffff0a000001', '::ffff:a00:1'],
    ['00000000000000000000000000000000', '::'],
    ['00010002000300040005000600070008', '1:2:3:4:5:6:7:8'],
    ['00010000000000000000000000000000', '1::'],
  ] as const) {
    t.equal(gidToText(bytes(hex)), text);
    t.same(gidFromText(text), bytes(hex));
  }
  t.same(gidFromText('::ffff:10.0.0.1'), bytes('00000000000000000000ffff0a000001'));
});

t.test('what is no IPv6 address is no GID', async (t) => {
  for (const wrong of ['', '10.0.0.1', 'fe80::1%eth0', '1:2:3', '::1]', 'x', '[::1]']) {
    t.throws(() => gidFromText(wrong), { code: 'RDMA_INVALID' }, wrong);
  }
  t.throws(() => gidFromText(undefined as unknown as string), { code: 'RDMA_INVALID' });
});

t.test('every GID survives the text', async (t) => {
  fc.assert(
    fc.property(
      // Zeros often: they are what the text leaves out.
      fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), {
        minLength: 16,
        maxLength: 16,
      }),
      (values) => {
        const gid = Uint8Array.from(values);
        t.same(gidFromText(gidToText(gid)), gid);
      },
    ),
  );
});
