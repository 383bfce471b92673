import t from 'tap';
import { deferred } from '../../src/deferred.js';
import { ReadWindow } from '../../src/device-end/read-window.js';

const MIB = 2 ** 20;
const MAX_WAITING = 0x1_0000;

t.test('reads begin in their order, while there is room', async (t) => {
  const window = new ReadWindow();
  const begun: number[] = [];
  const ends = [40, 1, 31, 1].map((mib, i) => {
    const { promise, resolve } = deferred();
    window.run(mib * MIB, () => {
      begun.push(i);
      return promise;
    });
    return () => resolve();
  });
  t.strictSame(begun, [0], 'a large one alone');
  ends[0]?.();
  await Promise.resolve();
  t.strictSame(begun, [0, 1, 2]);
  ends[2]?.();
  await Promise.resolve();
  t.strictSame(begun, [0, 1, 2, 3]);
});

t.test('no more wait than there are ids', async (t) => {
  const window = new ReadWindow();
  const { promise, resolve } = deferred();
  let begun = 0;
  const ask = (): void =>
    window.run(32 * MIB, () => {
      begun++;
      return promise;
    });
  for (let i = 0; i < 1 + MAX_WAITING; i++) ask();
  t.throws(ask, /65536 reads wait already/);
  t.equal(begun, 1);
  resolve();
  await promise;
  t.ok(begun > 1);
});
