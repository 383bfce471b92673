import t from 'tap';
import type { RegisterAccess } from '../../src/device/access.js';
import { readRegion, writeRegion } from '../../src/device/region.js';

type Call = readonly [kind: string, offset: number, value: number | bigint];

function recorder(wide: boolean): RegisterAccess & { readonly calls: Call[] } {
  const calls: Call[] = [];
  const narrow: RegisterAccess = {
    read(offset, size) {
      calls.push([`r${size}`, offset, 0]);
      // Negative on purpose: what bit operations make of a set top bit.
      return 0x8765_4321 | 0;
    },
    write(offset, size, value) {
      calls.push([`w${size}`, offset, value]);
    },
  };
  if (!wide) return { ...narrow, calls };
  return {
    ...narrow,
    calls,
    read64(offset) {
      calls.push(['r8', offset, 0]);
      return 0xfedc_ba98_7654_3210n;
    },
    write64(offset, value) {
      calls.push(['w8', offset, value]);
    },
  };
}

t.test('aligned register accesses arrive whole and little-endian', async (t) => {
  const access = recorder(false);
  const region = { size: 64, access };
  for (const [size, offset] of [
    [1, 3],
    [2, 6],
    [4, 8],
  ] as const) {
    const target = new Uint8Array(size);
    readRegion(region, offset, target);
    t.strictSame([...target], [0x21, 0x43, 0x65, 0x87].slice(0, size));
    writeRegion(region, offset, Uint8Array.of(0xff, 0xee, 0xdd, 0xcc).subarray(0, size));
  }
  t.strictSame(access.calls, [
    ['r1', 3, 0],
    ['w1', 3, 0xff],
    ['r2', 6, 0],
    ['w2', 6, 0xeeff],
    ['r4', 8, 0],
    ['w4', 8, 0xccddeeff],
  ]);
});

t.test('unaligned and odd-sized accesses become the fewest aligned pieces', async (t) => {
  const access = recorder(false);
  writeRegion(
    { size: 64, access },
    1,
    Uint8Array.from({ length: 11 }, (_, i) => i + 1),
  );
  t.strictSame(access.calls, [
    ['w1', 1, 0x01],
    ['w2', 2, 0x0302],
    ['w4', 4, 0x07060504],
    ['w4', 8, 0x0b0a0908],
  ]);
});

t.test('an 8-byte access is two halves, low first, unless the device takes it whole', async (t) => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const narrow = recorder(false);
  writeRegion({ size: 64, access: narrow }, 8, bytes);
  t.strictSame(narrow.calls, [
    ['w4', 8, 0x04030201],
    ['w4', 12, 0x08070605],
  ]);

  const wide = recorder(true);
  const target = new Uint8Array(8);
  writeRegion({ size: 64, access: wide }, 8, bytes);
  readRegion({ size: 64, access: wide }, 16, target);
  t.strictSame([...target], [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
  writeRegion({ size: 64, access: wide }, 4, bytes);
  t.strictSame(wide.calls, [
    ['w8', 8, 0x0807060504030201n],
    ['r8', 16, 0],
    ['w4', 4, 0x04030201],
    ['w4', 8, 0x08070605],
  ]);
});

t.test('a block region gets the access as it came', async (t) => {
  const bytes = new Uint8Array(32);
  const region = {
    size: 32,
    access: {
      readBlock: (offset: number, target: Uint8Array) =>
        target.set(bytes.subarray(offset, offset + target.length)),
      writeBlock: (offset: number, source: Uint8Array) => bytes.set(source, offset),
    },
  };
  writeRegion(region, 5, Uint8Array.of(1, 2, 3));
  const target = new Uint8Array(5);
  readRegion(region, 4, target);
  t.strictSame([...target], [0, 1, 2, 3, 0]);
});

t.test('accesses outside the region are refused without wrapping around', async (t) => {
  const access = recorder(false);
  const region = { size: 2 ** 33, access };
  const refused = { code: 'VFU_REQUEST_REFUSED', errno: 22 };
  for (const offset of [-4, 2 ** 33 - 3, 2 ** 33, 2 ** 53 - 1, 2 ** 64 - 1, Number.NaN]) {
    t.throws(() => readRegion(region, offset, new Uint8Array(4)), refused, `read at ${offset}`);
    t.throws(() => writeRegion(region, offset, new Uint8Array(4)), refused, `write at ${offset}`);
  }
  t.throws(() => readRegion({ size: 2, access }, 0, new Uint8Array(4)), refused);
  t.strictSame(access.calls, [], 'the device saw nothing');

  readRegion(region, 2 ** 33 - 4, new Uint8Array(4));
  t.strictSame(access.calls, [['r4', 2 ** 33 - 4, 0]], 'offsets above 4 GiB are exact');
  readRegion(region, 2 ** 33, new Uint8Array(0));
  t.equal(access.calls.length, 1, 'nothing read at the very end is fine');
});

t.test('a direction the region does not have is refused', async (t) => {
  const access = recorder(false);
  const refused = { code: 'VFU_REQUEST_REFUSED', errno: 22 };
  const one = new Uint8Array(1);
  t.throws(() => readRegion({ size: 8, access, readable: false }, 0, one), refused);
  t.throws(() => writeRegion({ size: 8, access, writable: false }, 0, one), refused);
  t.strictSame(access.calls, []);
});
