import t from 'tap';
import { Budget } from '../src/engine/budget.js';
import { Calibration } from '../src/engine/calibration.js';
import type { Contender } from '../src/engine/contender.js';
import { closedLoop, openLoop } from '../src/engine/loops.js';
import { runRounds } from '../src/engine/rounds.js';
import {
  createHistogram,
  decodeHistogram,
  encodeHistogram,
  ratioOf,
  recordMilliseconds,
  spreadOf,
} from '../src/statistics.js';
import { NvmeBlocks } from '../src/workloads/nvme-blocks.js';

t.test('a spread is the median round with the lowest and the highest one', async (t) => {
  t.strictSame(spreadOf([5, 1, 3]), { median: 3, lowest: 1, highest: 5 });
  t.strictSame(spreadOf([4, 1]), { median: 2.5, lowest: 1, highest: 4 });
  t.throws(() => spreadOf([]), RangeError);
});

t.test('ratios are of rounds measured together, not of medians', async (t) => {
  t.strictSame(ratioOf([2, 40, 6], [1, 10, 3]), { median: 2, lowest: 2, highest: 4 });
  t.equal(ratioOf([1, 2], [1]), undefined, 'a round is missing');
});

t.test('a histogram survives as text', async (t) => {
  const histogram = createHistogram();
  for (const milliseconds of [0.02, 0.03, 5]) recordMilliseconds(histogram, milliseconds);
  const again = decodeHistogram(encodeHistogram(histogram));
  t.equal(again.totalCount, 3);
  t.equal(again.getValueAtPercentile(99), histogram.getValueAtPercentile(99));
});

t.test(
  'an open loop counts a hold-up in everything that it delays, a closed one once',
  async (t) => {
    const stall = 60;
    const slow = async (loop: 'closed' | 'open'): Promise<number> => {
      let now = 0;
      const clock = (): number => {
        now += 0.01;
        return now;
      };
      let first = true;
      const operation = async (): Promise<void> => {
        now += first ? stall : 0.1;
        first = false;
      };
      const histogram = createHistogram();
      if (loop === 'closed') await closedLoop(2 * stall, histogram, operation, clock);
      else await openLoop(2 * stall, histogram, { rate: 1000, operation }, clock);
      return Array.from({ length: histogram.totalCount }, (_, at) =>
        histogram.getValueAtPercentile((100 * (at + 1)) / histogram.totalCount),
      ).filter((nanoseconds) => nanoseconds > (stall / 3) * 1e6).length;
    };
    t.equal(await slow('closed'), 1);
    t.ok((await slow('open')) >= stall / 2, 'whoever was due meanwhile waited');
  },
);

t.test('time is divided by weight, and what was overrun is taken from the rest', async (t) => {
  let now = 0;
  const budget = new Budget(10_000, 4, () => now);
  const first = budget.take(1, 10);
  t.ok(first > 150 && first <= 250, `a quarter of the time for ten measurements: ${first}`);
  now = 9000;
  t.ok(budget.take(1, 10) < 40);
  now = 20_000;
  t.equal(budget.take(2, 10), 5, 'never nothing');
});

t.test('a calibration finds out how much to ask for', async (t) => {
  const asked: number[] = [];
  const calibration = new Calibration(1, 4);
  const run = async (operations: number): Promise<number> => {
    asked.push(operations);
    return operations / 100;
  };
  const work = await calibration.run(50, run);
  t.strictSame(work, { operations: 5000, milliseconds: 50 });
  t.ok(asked.every((operations) => operations % 4 === 0));
});

t.test('rounds are interleaved and the first one does not count', async (t) => {
  const order: string[] = [];
  const contender = (name: string): Contender => ({
    name,
    role: 'transport',
    pid: process.pid,
    async measure(milliseconds, latencies) {
      order.push(`${name} ${milliseconds}`);
      recordMilliseconds(latencies, 1);
      return { work: { operations: 1, milliseconds }, clientTime: 1 };
    },
  });
  const settings = {
    rounds: 2,
    milliseconds: 10,
    warmUpMilliseconds: 30,
    signal: new AbortController().signal,
    onMeasurement() {},
  };
  const measured = await runRounds([contender('a'), contender('b')], settings);
  t.strictSame(order, ['a 30', 'b 30', 'a 10', 'b 10', 'a 10', 'b 10']);
  for (const { rounds, latencies } of measured) {
    t.equal(rounds.length, 2);
    t.equal(latencies.totalCount, 2);
  }
});

t.test('an ended run ends the measurement under way', async (t) => {
  const abort = new AbortController();
  const stuck: Contender = {
    name: 'stuck',
    role: 'transport',
    pid: undefined,
    measure: () => new Promise(() => {}),
  };
  const rounds = runRounds([stuck], {
    rounds: 1,
    milliseconds: 1,
    warmUpMilliseconds: 1,
    signal: abort.signal,
    onMeasurement: () => setImmediate(() => abort.abort(new Error('enough'))),
  });
  await t.rejects(rounds, { message: 'enough' });
});

t.test('a block that reads as another one, or as it was before, is wrong data', async (t) => {
  const blocks = new NvmeBlocks(4);
  const [page, other, older] = [0, 0, 0].map(() => new Uint8Array(4096)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  blocks.write(1, older);
  blocks.write(1, page);
  blocks.write(2, other);
  blocks.check(1, page);
  blocks.checkEnds(1, page);
  for (const wrong of [other, older]) {
    t.throws(() => blocks.checkEnds(1, wrong), /block 1 of the disk/);
  }
  page[2000] = 1;
  blocks.checkEnds(1, page);
  t.throws(() => blocks.check(1, page), /block 1 of the disk/);
});
