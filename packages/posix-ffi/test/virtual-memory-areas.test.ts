import { readFileSync } from 'node:fs';
import t from 'tap';
import { createMemoryFile, Mapping, memoryAreas } from '../src/index.js';
import { VirtualMemoryAreas } from '../src/virtual-memory-areas.js';

const PAGE = 4096;

function areasOf(name: string): number {
  return readFileSync('/proc/self/maps', 'utf8').split(`memfd:${name}`).length - 1;
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
  ] as const) {
    const mappings = mapPages(name, order);
    t.ok(areasOf(name) <= 16, `${areasOf(name)} areas for ${mappings.length} mappings`);
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
  let used = 100;
  let looks = 0;
  const look = (): { most: number; used: number } => {
    looks++;
    return { most: 1600, used };
  };
  const areas = new VirtualMemoryAreas(look);
  t.equal(areas.left, 1400);
  for (let i = 0; i < 1400; i++) t.ok(areas.take());
  t.notOk(areas.take());
  t.ok(areas.isUsedUp);
  t.equal(areas.left, 0);
  used = 1500;
  areas.giveBack();
  t.ok(areas.take(), 'what was given back can be taken');
  const before = looks;
  for (let i = 0; i < 1000; i++) areas.take();
  t.ok(looks - before <= 1, 'the kernel is not asked each time');
});
