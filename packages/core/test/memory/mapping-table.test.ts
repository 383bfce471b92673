import fc from 'fast-check';
import t from 'tap';
import { EEXIST } from '../../src/errno.js';
import { DmaMapping } from '../../src/memory/mapping.js';
import { MappingTable } from '../../src/memory/mapping-table.js';
import { addMapping, mappingOf, TestGuestMemory } from './fakes.js';

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
          model.push(addMapping(table, at(first, pages)));
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

t.test('thousands of mappings come and go in any order', async (t) => {
  const table = new MappingTable();
  const count = 6000;
  // Two primes, so that each page has its turn.
  const mappings = Array.from({ length: count }, (_, index) => at(((index * 4001) % count) * 3, 2));
  for (const mapping of mappings) addMapping(table, mapping);
  const sorted = mappings.toSorted((a, b) => a.firstPage - b.firstPage);
  t.ok(table.all().every((mapping, index) => mapping.firstPage === sorted[index]?.firstPage));
  const standing = new Map(table.all().map((mapping) => [mapping.firstPage, mapping]));
  const agrees = (): boolean => {
    for (let page = 0; page < count * 3; page++) {
      const wanted = page % 3 === 2 ? undefined : standing.get(page - (page % 3));
      if (table.find(page) !== wanted) return false;
    }
    return table.size === standing.size && table.all().length === standing.size;
  };
  t.ok(agrees());
  for (const step of [2, 5, 7, 1]) {
    for (const [index, page] of [...standing.keys()].entries()) {
      if (index % step !== 0) continue;
      table.remove(standing.get(page)!);
      standing.delete(page);
    }
    t.ok(agrees(), `${standing.size} are left`);
    if (step === 1) break;
    for (let page = 0; page < 900; page += 3) {
      if (!standing.has(page)) standing.set(page, addMapping(table, at(page, 2)));
    }
    t.ok(agrees(), `${standing.size} are there`);
  }
  t.equal(table.size, 0);
});

t.test('removing a mapping that is not there changes nothing', async (t) => {
  const table = new MappingTable();
  const inside = addMapping(table, at(5, 2));
  table.remove(at(5, 2));
  table.remove(at(9, 1));
  t.equal(table.find(6), inside);
});

t.test('the last hit is not found again once it is removed', async (t) => {
  const table = new MappingTable();
  const mapping = addMapping(table, at(7, 1));
  t.equal(table.find(7), mapping);
  table.remove(mapping);
  t.equal(table.find(7), undefined);
});

t.test('a lookup among 65,535 mappings looks at few of them', async (t) => {
  const table = new MappingTable();
  const seen = new Set<DmaMapping>();
  const pages = Object.getOwnPropertyDescriptor(DmaMapping.prototype, 'pages') ?? {};
  t.teardown(() => Object.defineProperty(DmaMapping.prototype, 'pages', pages));
  Object.defineProperty(DmaMapping.prototype, 'pages', {
    configurable: true,
    get(this: DmaMapping) {
      seen.add(this);
      return pages.get?.call(this);
    },
  });
  const mappings = Array.from({ length: 65_535 }, (_, index) =>
    addMapping(table, at(index * 3, 2)),
  );
  t.equal(table.size, 65_535);

  for (const index of [0, 1, 32_768, 65_534]) {
    seen.clear();
    t.equal(table.find(index * 3 + 1), mappings[index]);
    t.equal(table.find(index * 3 + 2), undefined);
    t.equal(table.overlapping(index * 3 + 1, 2)?.pages, 2);
    t.ok(seen.size <= 4, `${seen.size} mappings looked at`);
  }
});

t.test('a mapping that is there already stays, and is no new one', async (t) => {
  const table = new MappingTable();
  const memory = new TestGuestMemory(8192);
  const wanted = mappingOf(0x5000, 2, memory);
  let taken = 0;
  const itsMemory = {
    isSame: (candidate: unknown): boolean => candidate === memory,
    take: () => ({ memory, taken: ++taken }),
  };
  const first = table.add(wanted, itsMemory);
  t.ok(first.isNew);
  t.strictSame(table.add(wanted, itsMemory), { mapping: first.mapping, isNew: false });
  t.equal(taken, 1, 'memory is not got hold of twice');
  t.strictSame(table.all(), [first.mapping]);
});

t.test(
  'whatever else overlaps is refused: range, permissions, place in the file, memory',
  async (t) => {
    const table = new MappingTable();
    const memory = new TestGuestMemory(8192);
    const mapping = addMapping(table, mappingOf(0x5000, 2, memory));
    const { address, size, readable, writable, fileOffset } = mapping;
    const request = { address, size, readable, writable, fileOffset };
    const itsMemory = {
      isSame: (candidate: unknown): boolean => candidate === memory,
      take: () => t.fail('memory of a range that is taken') as never,
    };
    const others = [
      { address: 0x4000 },
      { address: 0x6000 },
      { size: 0x1000 },
      { readable: false },
      { writable: false },
      { fileOffset: 0x1000n },
    ];
    const overlaps = {
      code: 'VFU_REQUEST_REFUSED',
      errno: EEXIST,
      message: /overlaps \[0x5000, \+0x2000\)/,
    };
    for (const other of others) {
      t.throws(() => table.add({ ...request, ...other }, itsMemory), overlaps);
    }
    t.throws(() => table.add(request, { ...itsMemory, isSame: () => false }), overlaps);
    t.strictSame(table.all(), [mapping]);
  },
);
