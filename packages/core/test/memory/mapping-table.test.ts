import fc from 'fast-check';
import t from 'tap';
import { EEXIST } from '../../src/errno.js';
import type { DmaMapping } from '../../src/memory/mapping.js';
import { MappingTable } from '../../src/memory/mapping-table.js';
import { ArrayMemory, mappingOf } from './fakes.js';

function at(firstPage: number, pages: number): DmaMapping {
  return mappingOf(BigInt(firstPage) * 4096n, pages);
}

t.test('agrees with a list of mappings', async (t) => {
  // Pages near each other, so that ranges meet, and spread over the whole address space.
  const page = fc
    .tuple(fc.constantFrom(0, 2 ** 40, 2 ** 52 - 64), fc.nat(50))
    .map(([base, offset]) => base + offset);
  const step = fc.record({
    kind: fc.constantFrom('insert' as const, 'insert' as const, 'remove' as const),
    page,
    pages: fc.integer({ min: 1, max: 14 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.array(page), (steps, probes) => {
      const table = new MappingTable();
      const model: DmaMapping[] = [];
      const meets = (first: number, pages: number) => (mapping: DmaMapping) =>
        mapping.firstPage < first + pages && first < mapping.firstPage + mapping.pages;
      for (const { kind, page: first, pages } of steps) {
        const found = model.find(meets(first, 1));
        if (table.find(first) !== found) return false;
        const overlap = table.overlapping(first, pages);
        if (overlap === undefined ? model.some(meets(first, pages)) : !meets(first, pages)(overlap))
          return false;
        if (kind === 'remove' && found !== undefined) {
          table.remove(found);
          model.splice(model.indexOf(found), 1);
        } else if (kind === 'insert' && overlap === undefined) {
          const mapping = at(first, pages);
          table.insert(mapping);
          model.push(mapping);
        }
      }
      const sorted = model.sort((a, b) => a.firstPage - b.firstPage);
      return (
        table.size === model.length &&
        table.all().every((mapping, index) => mapping === sorted[index]) &&
        probes.every((probe) => table.find(probe) === model.find(meets(probe, 1)))
      );
    }),
  );
  t.pass();
});

t.test('removing a mapping that is not there changes nothing', async (t) => {
  const table = new MappingTable();
  const inside = at(5, 2);
  table.insert(inside);
  table.remove(at(5, 2));
  table.remove(at(9, 1));
  t.equal(table.find(6), inside);
});

t.test('the last hit is not found again once it is removed', async (t) => {
  const table = new MappingTable();
  const mapping = at(7, 1);
  table.insert(mapping);
  t.equal(table.find(7), mapping);
  table.remove(mapping);
  t.equal(table.find(7), undefined);
});

t.test('a lookup among 65,535 mappings looks at few of them', async (t) => {
  const table = new MappingTable();
  const seen = new Set<DmaMapping>();
  const watched = (mapping: DmaMapping): DmaMapping =>
    new Proxy(mapping, {
      get(target, key) {
        seen.add(target);
        return Reflect.get(target, key, target);
      },
    });
  const mappings = Array.from({ length: 65_535 }, (_, index) => at(index * 3, 2));
  for (const mapping of mappings) table.insert(watched(mapping));
  t.equal(table.size, 65_535);

  for (const index of [0, 1, 32_768, 65_534]) {
    seen.clear();
    t.equal(table.find(index * 3 + 1)?.address, mappings[index]?.address);
    t.equal(table.find(index * 3 + 2), undefined);
    t.equal(table.overlapping(index * 3 + 1, 2)?.pages, 2);
    t.ok(seen.size <= 4, `${seen.size} mappings looked at`);
  }
});

t.test('what overlaps is not inserted, also not a second time', async (t) => {
  const table = new MappingTable();
  const mapping = at(5, 2);
  table.insert(mapping);
  for (const other of [mapping, at(5, 2), at(4, 2), at(6, 1)]) {
    t.throws(() => table.insert(other), {
      errno: EEXIST,
      message: /overlaps \[0x5000, \+0x2000\)/,
    });
  }
  t.strictSame(table.all(), [mapping]);
});

t.test('a mapping is the same by range, permissions, place in the file and memory', async (t) => {
  const table = new MappingTable();
  const memory = new ArrayMemory(8192);
  const mapping = mappingOf(0x5000, 2, memory);
  table.insert(mapping);
  const request = { address: 0x5000, size: 0x2000, readable: true, writable: true, fileOffset: 0n };
  const itsMemory = (candidate: unknown): boolean => candidate === memory;
  t.equal(table.identical(request, itsMemory), mapping);
  t.equal(table.identical({ ...request, address: 0x7000 }, itsMemory), undefined);
  const others = [
    { address: 0x4000 },
    { size: 0x1000 },
    { readable: false },
    { writable: false },
    { fileOffset: 0x1000n },
  ];
  for (const other of others) {
    t.throws(() => table.identical({ ...request, ...other }, itsMemory), {
      code: 'VFU_REQUEST_REFUSED',
      errno: EEXIST,
    });
  }
  t.throws(() => table.identical(request, () => false), {
    code: 'VFU_REQUEST_REFUSED',
    errno: EEXIST,
  });
});
