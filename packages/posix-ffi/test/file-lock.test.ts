import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { findLock, lockShared, type OpenFile, unlock } from '../src/index.js';

/** Opens the same file each time: locks belong to what was opened. */
function opener(t: Test): () => OpenFile {
  const path = join(t.testdir(), 'file');
  writeFileSync(path, '');
  return () => {
    const number = openSync(path, 'r+');
    t.teardown(() => closeSync(number));
    return { number };
  };
}

t.test('two share a range, and each sees that the other has it', async (t) => {
  const open = opener(t);
  const [first, second] = [open(), open()];
  const range = { start: 100, length: 2 };
  t.equal(findLock(second, range), undefined);
  t.equal(lockShared(first, range), true);
  t.equal(findLock(first, range), undefined, 'not its own');
  t.same(findLock(second, range), { pid: undefined }, 'an open file is no process');
  t.equal(findLock(second, { start: 102, length: 100 }), undefined, 'only the range');
  t.equal(lockShared(second, range), true);
  unlock(first, { start: 0, length: 200 });
  t.equal(findLock(second, range), undefined);
  t.same(findLock(first, range), { pid: undefined });
});

t.test('a lock ends with what was opened', async (t) => {
  const path = join(t.testdir({ file: '' }), 'file');
  const [first, second] = [openSync(path, 'r+'), openSync(path, 'r+')];
  t.teardown(() => closeSync(second));
  lockShared({ number: first }, { start: 2 ** 40, length: 1 });
  t.not(findLock({ number: second }, { start: 2 ** 40, length: 1 }), undefined);
  closeSync(first);
  t.equal(findLock({ number: second }, { start: 2 ** 40, length: 1 }), undefined);
});

t.test('what is no file cannot be locked', async (t) => {
  const range = { start: 0, length: 1 };
  t.throws(() => lockShared({ number: -1 }, range), { code: 'EBADF', syscall: 'fcntl' });
  t.throws(() => findLock({ number: -1 }, range), { code: 'EBADF', syscall: 'fcntl' });
  t.throws(() => unlock({ number: -1 }, range), { code: 'EBADF', syscall: 'fcntl' });
});
