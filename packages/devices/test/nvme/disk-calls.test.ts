import fc from 'fast-check';
import t from 'tap';
import { type CallRange, DiskCalls } from '../../src/nvme/storage/disk-calls.js';
import { settle } from './driver.js';

interface Begun {
  readonly range: CallRange;
  end(error?: unknown): void;
}

/** Calls that end when the test says so. */
function fakeDisk(limit: number, stallMs = 60_000) {
  const begun: Begun[] = [];
  const told: string[] = [];
  const calls = new DiskCalls({
    limit,
    stallMs,
    onStall: () => told.push('stall'),
    onRecovered: () => told.push('recovered'),
  });
  const run = (kind: CallRange['kind'], offset: number, length: number) => {
    const range = { kind, offset, length };
    return calls.run(range, (done) => {
      begun.push({
        range,
        end(error) {
          begun.splice(begun.indexOf(this), 1);
          done(error);
        },
      });
    });
  };
  return { calls, begun, told, run };
}

t.test('no more calls are under way than the limit', async (t) => {
  const { begun, run } = fakeDisk(2);
  const ended: number[] = [];
  for (const number of [0, 1, 2]) {
    void run('read', number * 10, 10).then(() => ended.push(number));
  }
  t.equal(begun.length, 2);
  begun[1]?.end();
  await settle(1);
  t.same(ended, [1]);
  t.same(
    begun.map(({ range }) => range.offset),
    [0, 20],
    'the next one has begun',
  );
});

t.test('an error is that of its call alone', async (t) => {
  const { begun, run } = fakeDisk(2);
  const [first, second] = [run('change', 0, 10), run('change', 10, 10)];
  begun[0]?.end(new Error('EIO'));
  await t.rejects(first, { message: 'EIO' });
  begun[0]?.end(null);
  await second;
});

t.test('a change runs beside nothing that it touches', async (t) => {
  const range = fc.record({
    kind: fc.constantFrom('read', 'change', 'flush' as const),
    offset: fc.integer({ min: 0, max: 20 }),
    length: fc.integer({ min: 1, max: 8 }),
  });
  const step = fc.oneof(
    range.map((value) => ({ range: value })),
    fc.nat(3).map((end) => ({ end })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { begun, run } = fakeDisk(4);
      let [asked, ended] = [0, 0];
      for (const next of steps) {
        if ('range' in next) {
          const { kind, offset, length } = next.range;
          asked++;
          void run(kind, offset, kind === 'flush' ? 0 : length).then(() => ended++);
        } else if (begun.length > 0) begun[next.end % begun.length]?.end();
        for (const one of begun) {
          for (const other of begun) {
            if (one !== other && collide(one.range, other.range)) return false;
          }
        }
        if (begun.length > 4) return false;
      }
      while (begun.length > 0) begun[0]?.end();
      await settle(1);
      return ended === asked;
    }),
  );
  t.pass();
});

function collide(one: CallRange, other: CallRange): boolean {
  if (one.kind !== 'change' && other.kind !== 'change') return false;
  for (let at = one.offset; at < one.offset + one.length; at++) {
    if (at >= other.offset && at < other.offset + other.length) return true;
  }
  return false;
}

t.test('what may be read at once', async (t) => {
  const { calls, begun, run } = fakeDisk(2);
  t.ok(calls.mayReadBeside(0, 100), 'nothing is under way');
  void run('change', 10, 10);
  void run('flush', 0, 0);
  void run('change', 30, 10);
  t.ok(calls.mayReadBeside(0, 10));
  t.ok(calls.mayReadBeside(20, 10));
  t.notOk(calls.mayReadBeside(19, 1), 'under way');
  t.notOk(calls.mayReadBeside(30, 1), 'waits');
  while (begun.length > 0) begun[0]?.end();
  t.ok(calls.mayReadBeside(0, 100));
  void run('read', 0, 10);
  t.ok(calls.mayReadBeside(0, 10), 'beside a read');
  void run('read', 0, 10);
  t.notOk(calls.mayReadBeside(50, 10), 'more reads could wait for the disk as well');
});

t.test('a reset drops what waits, and what comes later waits for the changes', async (t) => {
  const { calls, begun, run } = fakeDisk(2);
  const write = run('change', 0, 10);
  const read = run('read', 50, 10);
  const waiting = run('change', 20, 10);
  const { life } = calls;
  calls.abandon();
  t.not(calls.life, life);
  await t.rejects(waiting, { message: 'the controller was reset' });
  const later = run('read', 90, 10);
  t.notOk(calls.mayReadBeside(90, 10), 'the old write may still change what the host sees');
  begun[1]?.end();
  await read;
  t.equal(begun.length, 1, 'the later one waits');
  begun[0]?.end();
  await write;
  t.same(
    begun.map(({ range }) => range.offset),
    [90],
  );
  begun[0]?.end();
  await later;
});

t.test('idle() waits for what the kernel has', async (t) => {
  const { calls, begun, run } = fakeDisk(1);
  await calls.idle();
  const write = run('change', 0, 10);
  let isIdle = false;
  const idle = calls.idle().then(() => {
    isIdle = true;
  });
  await settle(1);
  t.notOk(isIdle);
  begun[0]?.end();
  await write;
  await idle;
});

t.test('a disk that does not answer is told of once, and so is its return', async (t) => {
  const { begun, told, run } = fakeDisk(2, 2);
  const calls = [run('read', 0, 10), run('read', 10, 10)];
  while (told.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await new Promise((resolve) => setTimeout(resolve, 10));
  t.same(told, ['stall']);
  begun[1]?.end();
  t.same(told, ['stall'], 'the oldest one is not back');
  begun[0]?.end();
  t.same(told, ['stall', 'recovered']);
  await Promise.all(calls);
});
