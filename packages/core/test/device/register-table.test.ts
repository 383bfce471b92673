import t from 'tap';
import { defineRegisters } from '../../src/index.js';

const table = defineRegisters({
  ID: { offset: 0x00, access: 'ro', reset: 0x1234_5678, meaning: 'who it is' },
  CONTROL: { offset: 0x04, mask: 0x00ff_00ff, reset: 0x0001_0000 },
  STATUS: { offset: 0x08, access: 'w1c', reset: 0xff },
  COMMAND: { offset: 0x0c, access: 'wo' },
  ADDRESS: { offset: 0x10, size: 8, mask: 0xffff_ffff_ffff_f000n },
  COUNT: { offset: 0x18, size: 8, access: 'ro', reset: 0x5_0000_0007n },
  SMALL: { offset: 0x20, size: 2 },
  TINY: { offset: 0x22, size: 1 },
  GONE: { offset: 0x24, absent: true, reset: 7 },
  FLAGS: { offset: 0x2c, access: 'w1c', reset: 0xffff },
  'SLOT{}': { offset: 0x40, repeat: { count: 3, stride: 8 } },
});

t.test('bits are read only, writable, or cleared by ones, by any width', async (t) => {
  const file = table.create();
  file.write(0x00, 4, 0);
  t.equal(file.read(0x00, 4), 0x1234_5678);
  t.equal(file.read(0x02, 2), 0x1234);
  t.equal(file.read(0x01, 1), 0x56);
  file.write(0x04, 4, 0xffff_ffff);
  t.equal(file.read(0x04, 4), 0x00ff_00ff, 'the mask');
  file.write(0x05, 1, 0xff);
  file.write(0x06, 1, 0x12);
  t.equal(file.read(0x04, 4), 0x0012_00ff, 'other bytes stay');
  file.write(0x08, 4, 0x0f);
  t.equal(file.read(0x08, 4), 0xf0);
  file.write(0x08, 1, 0x30);
  t.equal(file.read(0x08, 4), 0xc0);
  file.write(0x0c, 4, 7);
  t.equal(file.read(0x0c, 4), 0, 'write only');
  file.write(0x10, 4, 0xffff_ffff);
  file.write(0x14, 4, 0x8000_0001);
  t.equal(file.getIova('ADDRESS'), 0x8000_0001_ffff_f000n);
  t.equal(file.read(0x14, 4), 0x8000_0001);
  t.equal(file.read(0x24, 4), 0, 'absent');
  file.write(0x24, 4, 1);
  t.equal(file.read(0x24, 4), 0, 'absent');
  t.equal(file.get('GONE'), 7, 'nothing was written');
  file.write(0x2c, 1, 0x0f);
  t.equal(file.read(0x2c, 4), 0xfff0, 'ones that were not written clear nothing');
  t.equal(file.read(0x28, 4), 0, 'beside all');
  t.equal(file.read(0xff0, 4), 0, 'beyond all');
  file.write(0xff0, 4, 1);
});

t.test('a wide access reaches each register in it', async (t) => {
  const file = table.create();
  file.write(0x20, 4, 0xaabb_ccdd);
  t.equal(file.read(0x20, 2), 0xccdd);
  t.equal(file.read(0x22, 1), 0xbb);
  t.equal(file.read(0x23, 1), 0, 'nothing is there');
  t.equal(file.read(0x20, 4), 0x00bb_ccdd);
});

t.test('hooks see what was written, and give what is read', async (t) => {
  const seen: unknown[] = [];
  const file = table.create({
    CONTROL: { write: (value) => seen.push(['control', value]) },
    COMMAND: { write: (value) => seen.push(['command', value]) },
    STATUS: { write: (value) => seen.push(['clear', value]) },
    COUNT: { read: () => 0x5_0000_0007 },
    'SLOT{}': {
      read: (index) => 100 + index,
      write: (value, index) => seen.push([index, value]),
    },
  });
  file.write(0x04, 4, 0xffff_ffff);
  file.write(0x0c, 4, 9);
  file.write(0x08, 4, 0x8000_0000);
  file.write(0x48, 4, 5);
  file.write(0x4c, 4, 6);
  t.strictSame(seen, [
    ['control', 0x00ff_00ff],
    ['command', 9],
    ['clear', 0x8000_0000],
    [1, 5],
  ]);
  t.equal(file.read(0x18, 4), 7);
  t.equal(file.read(0x1c, 4), 5);
  t.equal(file.read(0x50, 4), 102);
});

t.test(
  'a reset brings back what the table says, and the device stores what it likes',
  async (t) => {
    const file = table.create();
    file.set('ID', 0xffff_ffff);
    file.set('TINY', 0x1ff);
    t.equal(file.get('ID'), 0xffff_ffff);
    t.equal(file.get('TINY'), 0xff);
    t.equal(file.get('SMALL'), 0);
    file.write(0x40, 4, 3);
    file.reset();
    t.equal(file.get('ID'), 0x1234_5678);
    t.equal(file.read(0x04, 4), 0x0001_0000);
    t.equal(file.getIova('COUNT'), 0x5_0000_0007, 'both halves');
    t.equal(file.read(0x40, 4), 0);
  },
);

t.test('narrow writes may be ignored', async (t) => {
  const strict = defineRegisters({ A: { offset: 0 } }, { narrowWrites: 'ignored' }).create();
  strict.write(0, 2, 0xffff);
  t.equal(strict.get('A'), 0);
  strict.write(0, 4, 0xffff);
  t.equal(strict.get('A'), 0xffff);
});

t.test('names and a document come from the table', async (t) => {
  t.match(table.find(0x13), { name: 'ADDRESS', offset: 0x10, size: 8, absent: false });
  t.match(table.find(0x4b), { name: 'SLOT1', offset: 0x48, size: 4 });
  t.equal(table.find(0x4c), undefined, 'between two of an array');
  t.match(table.find(0x24), { name: 'GONE', absent: true });
  t.equal(table.find(0x58), undefined);
  t.equal(table.offsets.STATUS, 8);
  const text = table.toMarkdown();
  t.match(text, /^\| 0x0 \| ID \| 4 \| ro \| who it is \|$/m);
  t.match(text, /^\| 0x40 \| SLOT\{\} \| 3 x 4 \| rw \| {2}\|$/m);
  t.notMatch(text, /GONE/);
});

t.test('a table that cannot be is refused', async (t) => {
  const refused = (message: string) => ({ code: 'VFU_CONFIG_INVALID', message });
  t.throws(
    () => defineRegisters({ A: { offset: 0 }, B: { offset: 2, size: 2 } }),
    refused('register B at 0x2 overlaps A'),
  );
  t.throws(
    () => defineRegisters({ A: { offset: 2 } }),
    refused('register A at 0x2 is not aligned to 4 bytes'),
  );
  const impossible = [
    [{ offset: -4 }, 'register A at 0x-4 starts before its region'],
    [{ offset: Number.NaN }, 'register A at 0xNaN starts before its region'],
    [{ offset: 0, size: 3 as 4 }, 'register A at 0x0 has 3 bytes: expected 1, 2, 4 or 8'],
    [{ offset: 0, repeat: { count: 0, stride: 4 } }, 'register A at 0x0 is repeated 0 times'],
    [{ offset: 0, repeat: { count: 2, stride: 0 } }, 'register A at 0x0 overlaps A'],
  ] as const;
  for (const [register, message] of impossible) {
    t.throws(() => defineRegisters({ A: register }), refused(message));
  }
  t.throws(
    () => defineRegisters({ A: { offset: 0, size: 8 } }).create({ A: { write() {} } }),
    refused('register A at 0x0 has 8 bytes, which are written by halves: no write hook'),
  );
});
