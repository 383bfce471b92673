import t from 'tap';
import { wholePages } from '../../src/pci/mappable-areas.js';

t.test('areas are cut to the pages that they fill', async (t) => {
  const areas = [
    { offset: 0x1000, size: 0x1000 },
    { offset: 0x4000, size: 0x2c000 },
    { offset: 0x40000, size: 0x10000 },
    { offset: 0x58000, size: 0x10000 },
  ];
  t.equal(wholePages(areas, 0x1000), areas);
  t.strictSame(wholePages(areas, 0x4000), [
    { offset: 0x4000, size: 0x2c000 },
    { offset: 0x40000, size: 0x10000 },
    { offset: 0x58000, size: 0x10000 },
  ]);
  t.strictSame(wholePages(areas, 0x10000), [
    { offset: 0x10000, size: 0x20000 },
    { offset: 0x40000, size: 0x10000 },
  ]);
});
