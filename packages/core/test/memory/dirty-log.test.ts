import fc from 'fast-check';
import t from 'tap';
import { bitmapBytes, DirtyLog } from '../../src/memory/dirty-log.js';

function take(log: DirtyLog, firstPage: number, pages: number, reportBytes = 4096): number[] {
  const bits = new Uint8Array(bitmapBytes(Math.ceil((pages * 4096) / reportBytes)));
  log.take(firstPage, pages, reportBytes, bits);
  const set: number[] = [];
  for (let bit = 0; bit < bits.length * 8; bit++) {
    if (((bits[bit >>> 3] as number) & (1 << (bit & 7))) !== 0) set.push(bit);
  }
  return set;
}

t.test('a bitmap is whole 64-bit words', async (t) => {
  t.strictSame([0, 1, 64, 65].map(bitmapBytes), [0, 8, 8, 16]);
});

t.test('a fresh log reports nothing, and a report clears what it reports', async (t) => {
  const log = new DirtyLog(4096);
  t.strictSame(take(log, 0, 64), []);
  log.mark(0, 0, 1);
  log.mark(6, 0, 4 * 4096);
  t.strictSame(take(log, 0, 10), [0, 6, 7, 8, 9]);
  t.strictSame(take(log, 0, 10), []);
});

t.test('a write that ends at a page boundary leaves the next page clean', async (t) => {
  const log = new DirtyLog(4096);
  log.mark(3, 4095, 1);
  t.strictSame(take(log, 0, 16), [3]);
  log.mark(3, 4095, 2);
  t.strictSame(take(log, 0, 16), [3, 4]);
  log.mark(3, 0, 0);
  t.strictSame(take(log, 0, 16), []);
});

t.test('an offset of whole pages counts from the page given', async (t) => {
  const log = new DirtyLog(4096);
  log.mark(2, 3 * 4096 + 10, 20);
  t.strictSame(take(log, 0, 16), [5]);
});

t.test('exact bits at byte borders', async (t) => {
  const cases = [[0], [7], [0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6, 7], [7, 8], [15], [23]];
  for (const pages of cases) {
    const log = new DirtyLog(4096);
    for (const page of pages) log.mark(1000 + page, 0, 1);
    t.strictSame(take(log, 1000, 24), pages, `pages ${pages}`);
  }
});

t.test('a finer report repeats bits, a coarser one joins pages', async (t) => {
  const marked = (): DirtyLog => {
    const log = new DirtyLog(4096);
    for (const page of [0, 5, 6]) log.mark(page, 0, 1);
    return log;
  };
  t.strictSame(take(marked(), 0, 10, 2048), [0, 1, 10, 11, 12, 13]);
  t.strictSame(take(marked(), 0, 10, 8192), [0, 2, 3]);
  t.strictSame(take(marked(), 0, 16, 16 * 4096), [0]);
});

t.test('reporting a part of a large log page keeps the rest dirty', async (t) => {
  const log = new DirtyLog(65_536);
  log.mark(0, 0, 2 * 4096);
  t.strictSame(take(log, 0, 1), [0]);
  t.strictSame(take(log, 0, 16), [1]);
});

t.test('forgotten pages are clean, their neighbours are not', async (t) => {
  const log = new DirtyLog(4096);
  log.mark(10, 0, 3 * 4096);
  log.forget(11, 1);
  t.strictSame(take(log, 10, 3), [0, 2]);
  log.mark(11, 0, 1);
  t.strictSame(take(log, 10, 3), [1], 'logging goes on after it');
});

t.test('agrees with a set of pages', async (t) => {
  const BASES = [0, 4090, 2 ** 40, 2 ** 52 - 20_000];
  const page = fc.tuple(fc.constantFrom(...BASES), fc.nat(10_000)).map(([base, at]) => base + at);
  const mark = fc.record({
    kind: fc.constant('mark' as const),
    page,
    offset: fc.nat(4095),
    length: fc.nat(5 * 4096),
  });
  const range = { page, pages: fc.integer({ min: 1, max: 9000 }) };
  const report = fc.record({
    kind: fc.constant('take' as const),
    ...range,
    shift: fc.integer({ min: 9, max: 18 }),
  });
  const forget = fc.record({ kind: fc.constant('forget' as const), ...range });
  fc.assert(
    fc.property(fc.array(fc.oneof(mark, mark, report, forget), { maxLength: 40 }), (steps) => {
      const log = new DirtyLog(4096);
      const model = new Set<number>();
      for (const step of steps) {
        if (step.kind === 'mark') {
          log.mark(step.page, step.offset, step.length);
          for (let at = 0; at < step.length; at++) {
            model.add(step.page + Math.floor((step.offset + at) / 4096));
          }
          continue;
        }
        const inside = [...model].filter((at) => at >= step.page && at < step.page + step.pages);
        for (const at of inside) model.delete(at);
        if (step.kind === 'forget') {
          log.forget(step.page, step.pages);
          continue;
        }
        const unit = 2 ** step.shift;
        const expected = new Set<number>();
        for (const at of inside) {
          const start = (at - step.page) * 4096;
          for (let byte = start; byte < start + 4096; byte += Math.min(unit, 4096)) {
            expected.add(Math.floor(byte / unit));
          }
        }
        const actual = take(log, step.page, step.pages, unit);
        if (actual.join() !== [...expected].sort((a, b) => a - b).join()) return false;
      }
      return true;
    }),
    { numRuns: 60 },
  );
  t.pass();
});

t.test('a long write marks its pages and no others, wherever it begins', async (t) => {
  const CHUNK = 4096;
  for (const first of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1]) {
    for (const pages of [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3]) {
      const log = new DirtyLog(4096);
      log.mark(first, 0, pages * 4096);
      const marked = take(log, 0, 4 * CHUNK);
      t.equal(marked.length, pages, `${pages} pages from ${first} on`);
      t.same([marked[0], marked.at(-1)], [first, first + pages - 1]);
    }
  }
});
