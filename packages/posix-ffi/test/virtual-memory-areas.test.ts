import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { createMemoryFile, Mapping, memoryAreas, Placement, readFully } from '../src/index.js';
import { VirtualMemoryAreas } from '../src/virtual-memory-areas.js';

const PAGE = 4096;

function areasOf(name: string): number {
  return readFileSync('/proc/self/maps', 'utf8').split(`memfd:${name}`).length - 1;
}

function bytesOf(name: string): number {
  const line = new RegExp(`^([0-9a-f]+)-([0-9a-f]+) .*memfd:${name}`, 'gm');
  let bytes = 0;
  for (const [, from, to] of readFileSync('/proc/self/maps', 'utf8').matchAll(line)) {
    bytes += Number.parseInt(to!, 16) - Number.parseInt(from!, 16);
  }
  return bytes;
}

/** The pages of one file, mapped one by one in the order given. */
function mapPages(name: string, pages: readonly number[]): Mapping[] {
  const file = createMemoryFile(name, (Math.max(...pages) + 1) * PAGE);
  const mappings = pages.map((page) =>
    Mapping.create(file, { offset: BigInt(page * PAGE), length: PAGE, writable: true }),
  );
  file.close();
  return mappings;
}

t.test('neighbours in a file share areas, and go one by one', async (t) => {
  const pages = Array.from({ length: 512 }, (_, page) => page);
  for (const [name, order] of [
    ['upwards', pages],
    ['downwards', pages.toReversed()],
    ['evens first', pages.toSorted((a, b) => (a % 2) - (b % 2) || a - b)],
    ['from the middle', pages.toSorted((a, b) => Math.abs(a - 255.5) - Math.abs(b - 255.5))],
    ['scattered', pages.toSorted((a, b) => ((a * 197) % 512) - ((b * 197) % 512))],
  ] as const) {
    const mappings = mapPages(name, order);
    t.equal(areasOf(name), 1, `${mappings.length} mappings ${name}`);
    for (const [i, mapping] of mappings.entries()) mapping.write(0, Uint8Array.of(i & 0xff));
    const views = mappings.map((mapping) => mapping.view(0, 1));
    for (const [i, mapping] of mappings.entries()) if (i % 2 === 0) mapping.revoke();
    t.strictSame(
      views.map((view) => view?.[0]),
      mappings.map((_, i) => (i % 2 === 0 ? 0 : i & 0xff)),
      'what is left still shows the file',
    );
    for (const mapping of mappings) mapping.revoke();
    t.equal(areasOf(name), 0);
  }
});

t.test('an area is given back at once where no view was taken', async (t) => {
  const before = memoryAreas.left;
  const mappings = mapPages('counted', [0, 2, 4]);
  t.equal(memoryAreas.left, before - 3);
  for (const mapping of mappings) mapping.revoke();
  t.equal(memoryAreas.left, before);
});

t.test('the limit leaves room for the rest of the process', async (t) => {
  let others = 100;
  let ours = 0;
  let looks = 0;
  const look = (): { most: number; used: number } => {
    looks++;
    return { most: 1600, used: others + ours };
  };
  const areas = new VirtualMemoryAreas(look);
  t.equal(areas.left, 1400);
  for (; ours < 1400; ours++) t.ok(areas.take());
  t.notOk(areas.take());
  t.ok(areas.isUsedUp);
  t.equal(areas.left, 0);
  others = 1500;
  areas.giveBack();
  t.ok(areas.take(), 'what was given back can be taken');
  const before = looks;
  for (let i = 0; i < 1000; i++) areas.take();
  t.ok(looks - before <= 1, 'the kernel is not asked each time');
});

t.test('joined ranges count for what they may need once some of them go', async (t) => {
  let taken = 0;
  // They are one area while all of them are there.
  const areas = new VirtualMemoryAreas(() => ({ most: 1600, used: taken === 0 ? 100 : 101 }));
  t.equal(areas.left, 1400);
  for (; taken < 2000 && areas.take(); taken++) if (taken > 0) areas.join(1);
  t.equal(taken, 2000);
  t.equal(areas.left, 399, 'every second one may stay');
  let viewed = 0;
  while (viewed < taken && areas.view()) viewed++;
  t.equal(viewed, 399, 'what replaces a view is an area as well');
  t.ok(areas.isUsedUp);
  areas.replace(2);
  areas.giveBackReplaced();
  t.notOk(areas.isUsedUp);
});

const FILES = ['model-a', 'model-b'];
const PAGES = 24;

t.test('agrees with a list of ranges, whatever the order in which they come and go', async (t) => {
  const step = fc.record({
    kind: fc.constantFrom('map' as const, 'map' as const, 'view' as const, 'unmap' as const),
    file: fc.nat(FILES.length - 1),
    page: fc.nat(PAGES - 1),
    pages: fc.integer({ min: 1, max: 4 }),
    writable: fc.boolean(),
    client: fc.nat(1),
    which: fc.nat(),
  });
  const before = memoryAreas.left;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const files = FILES.map((name) => createMemoryFile(name, (PAGES + 4) * PAGE));
      const placements = [new Placement(), new Placement()];
      const model: { mapping: Mapping; file: number; page: number; writable: boolean }[] = [];
      const kept: Uint8Array[] = [];
      for (const { kind, file, page, pages, writable, client, which } of steps) {
        const chosen = model[which % model.length];
        if (kind === 'map') {
          const mapping = Mapping.create(files[file]!, {
            offset: BigInt(page * PAGE),
            length: pages * PAGE,
            writable,
            placement: placements[client],
          });
          model.push({ mapping, file, page, writable });
        } else if (chosen !== undefined && kind === 'view') {
          const view = chosen.mapping.view(0, chosen.mapping.length);
          if (view === undefined) return false;
          if (chosen.writable) view[0] = which & 0xff;
          const stored = new Uint8Array(1);
          readFully(files[chosen.file]!, chosen.page * PAGE, stored);
          if (view[0] !== stored[0]) return false;
        } else if (chosen !== undefined && kind === 'unmap') {
          const view = which % 2 === 0 ? chosen.mapping.view(0, PAGE) : undefined;
          chosen.mapping.revoke();
          if (view !== undefined) kept.push(view);
          model.splice(model.indexOf(chosen), 1);
        }
        const least = model.reduce((sum, { mapping }) => sum + mapping.length, 0);
        if (FILES.reduce((sum, name) => sum + bytesOf(name), 0) !== least) return false;
        if (FILES.reduce((sum, name) => sum + areasOf(name), 0) > model.length) return false;
      }
      const firstBytes = files.map((file) => {
        const bytes = new Uint8Array((PAGES + 4) * PAGE);
        readFully(file, 0, bytes);
        return bytes;
      });
      for (const view of kept) view.fill(0xee);
      for (const { mapping } of model) mapping.revoke();
      const isUntouched = files.every((file, at) => {
        const bytes = new Uint8Array((PAGES + 4) * PAGE);
        readFully(file, 0, bytes);
        return Buffer.compare(bytes, firstBytes[at]!) === 0;
      });
      for (const file of files) file.close();
      return isUntouched && FILES.every((name) => areasOf(name) === 0);
    }),
  );
  t.ok(memoryAreas.left <= before);
});
