import fc from 'fast-check';
import t from 'tap';
import { RegisterSetBuilder } from '../../src/pci/register-set-builder.js';
import { read, write } from './fakes.js';

t.test('registers are little-endian, and zero where nothing was described', async (t) => {
  const set = new RegisterSetBuilder(16)
    .ro8(1, 0x11)
    .ro16(2, 0x2233)
    .ro32(4, 0x8899_aabb)
    .roBytes(8, Uint8Array.of(1, 2))
    .build();
  const all = new Uint8Array(16);
  set.readBlock(0, all);
  t.strictSame(Buffer.from(all).toString('hex'), '00113322bbaa99880102000000000000');
  t.strictSame([set.get8(1), set.get16(2), set.get32(4)], [0x11, 0x2233, 0x8899_aabb]);
});

t.test('only writable bits take a write, of any length and alignment', async (t) => {
  const set = new RegisterSetBuilder(8)
    .rw16(0, 0x1234, 0x0ff0)
    .ro16(2, 0xbeef)
    .rwBytes(4, Uint8Array.of(1, 2, 3, 4))
    .build();
  set.writeBlock(1, Uint8Array.of(0xff, 0, 0, 0xaa, 0xbb));
  t.equal(read(set, 0, 2), 0x1f34);
  t.equal(read(set, 2, 2), 0xbeef);
  t.equal(read(set, 4, 4), 0x0403_bbaa);
  set.reset();
  t.equal(read(set, 0, 2), 0x1234);
  t.equal(read(set, 4, 4), 0x0403_0201);
});

t.test('write-one-clear bits are cleared by ones and kept by zeros', async (t) => {
  const set = new RegisterSetBuilder(4).rw16(0, 0, 0x0003).w1c16(0, 0x8100).w1c8(2, 1).build();
  set.set16(0, 0x8100);
  write(set, 0, 2, 0x8002);
  t.equal(read(set, 0, 2), 0x0102);
  set.set8(2, 1);
  write(set, 0, 4, 0);
  t.equal(read(set, 0, 4), 0x0001_0100);
  write(set, 0, 4, 0xffff_ffff);
  t.equal(read(set, 0, 4), 0x0000_0003);
});

t.test('describing a register again replaces its earlier description', async (t) => {
  const set = new RegisterSetBuilder(4)
    .rw8(0, 1)
    .ro8(0, 2)
    .w1c32(0, 0xff00)
    .ro16(0, 0x0102)
    .build();
  write(set, 0, 4, 0xffff_ffff);
  t.equal(read(set, 0, 4), 0x0102);
});

t.test('a listener runs once for each write that touches its register', async (t) => {
  const seen: number[][] = [];
  const set = new RegisterSetBuilder(12)
    .rw32(4, 0x100)
    .onWrite(4, 4, (value, previous) => seen.push([value, previous]))
    .build();
  set.writeBlock(0, new Uint8Array(4));
  set.writeBlock(8, new Uint8Array(4));
  t.strictSame(seen, [], 'neighbours do not count');
  set.writeBlock(0, Uint8Array.of(0, 0, 0, 0, 1, 2, 3, 0x84, 0));
  write(set, 7, 1, 0);
  write(set, 7, 1, 0);
  set.set32(4, 9);
  set.reset();
  t.strictSame(seen, [
    [0x8403_0201, 0x100],
    [0x0003_0201, 0x8403_0201],
    [0x0003_0201, 0x0003_0201],
  ]);
});

t.test('listeners run when all bytes are in place, and may correct them', async (t) => {
  const set = new RegisterSetBuilder(4)
    .rw16(0, 0)
    .rw16(2, 0)
    .onWrite(0, 2, (value, _previous, registers) => {
      registers.set16(0, value & 0x7fff);
      t.equal(registers.get16(2), 0x1234);
    })
    .build();
  write(set, 0, 4, 0x1234_ffff);
  t.equal(read(set, 0, 4), 0x1234_7fff);
});

t.test('windows and computed registers answer for their range only', async (t) => {
  let level = 0x0102_0304;
  const written: (number | number[])[] = [];
  const set = new RegisterSetBuilder(16)
    .rwBytes(0, new Uint8Array(16).fill(0xee))
    .computed(4, 4, () => level)
    .window(10, 2, {
      readBlock: (offset, target) => target.fill(0x50 + offset),
      writeBlock: (offset, source) => written.push(offset, [...source]),
    })
    .build();
  const all = new Uint8Array(16);
  set.readBlock(0, all);
  t.equal(Buffer.from(all).toString('hex'), 'eeeeeeee04030201eeee5050eeeeeeee');
  level = 0x8000_0000;
  t.equal(read(set, 6, 2), 0x8000, 'worked out at each read');
  t.equal(read(set, 11, 1), 0x51);
  set.writeBlock(3, new Uint8Array(8));
  t.strictSame(written, [0, [0]]);
  t.equal(read(set, 4, 4), 0x8000_0000);
  t.equal(read(set, 8, 2), 0);
});

t.test('what lies outside is refused', async (t) => {
  const set = new RegisterSetBuilder(4).build();
  for (const offset of [-1, 1, 4, Number.NaN]) {
    t.throws(() => set.readBlock(offset, new Uint8Array(4)), RangeError);
    t.throws(() => set.writeBlock(offset, new Uint8Array(4)), RangeError);
    t.throws(() => set.get32(offset), RangeError);
  }
  t.throws(() => new RegisterSetBuilder(4).rw32(2, 0), { code: 'VFU_CONFIG_INVALID' });
  t.throws(() => new RegisterSetBuilder(4).onWrite(4, 1, () => {}), { code: 'VFU_CONFIG_INVALID' });
});

t.test('masks are honoured bit by bit for arbitrary writes', async () => {
  const length = 16;
  const bytes = fc.uint8Array({ minLength: length, maxLength: length });
  const writes = fc.array(
    fc.record({
      offset: fc.nat(length - 1),
      data: fc.uint8Array({ minLength: 1, maxLength: length }),
    }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(bytes, bytes, bytes, writes, (initial, writable, clearable, list) => {
      const builder = new RegisterSetBuilder(length);
      for (let i = 0; i < length; i++) {
        builder.rw8(i, initial[i]!, writable[i]!).w1c8(i, clearable[i]!);
      }
      const set = builder.build();
      const expected = [...initial];
      for (const { offset, data } of list) {
        const source = data.subarray(0, length - offset);
        set.writeBlock(offset, source);
        source.forEach((written, i) => {
          const at = offset + i;
          let value = 0;
          for (let bit = 1; bit < 256; bit *= 2) {
            const was = (expected[at]! & bit) !== 0;
            const one = (written & bit) !== 0;
            let is = was;
            if ((clearable[at]! & bit) !== 0) is = was && !one;
            else if ((writable[at]! & bit) !== 0) is = one;
            if (is) value += bit;
          }
          expected[at] = value;
        });
      }
      const actual = new Uint8Array(length);
      set.readBlock(0, actual);
      return actual.every((value, i) => value === expected[i]);
    }),
  );
});
