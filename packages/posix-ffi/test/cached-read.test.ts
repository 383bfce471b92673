import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { NOT_CACHED, readCached, type SystemError } from '../src/index.js';

const SIZE = 64 * 1024;
const CONTENTS = Buffer.from(Array.from({ length: SIZE }, (_, at) => (at * 31 + (at >> 8)) & 0xff));

const path = join(t.testdir({ file: CONTENTS }), 'file');
const file = { number: openSync(path, 'r') };
t.teardown(() => closeSync(file.number));
/** Why the file system of the tests cannot do it, if it cannot. */
const unsupported = failureOf(() => readCached(file, 0, [new Uint8Array(1)]));

function failureOf(action: () => void): string | false {
  try {
    action();
    return false;
  } catch (error) {
    return (error as SystemError).message;
  }
}

t.test('what is in the page cache is read', { skip: unsupported }, async (t) => {
  const pieces = [new Uint8Array(100), new Uint8Array(4096), new Uint8Array(1)];
  t.equal(readCached(file, 1000, pieces), 4197);
  t.same(Buffer.concat(pieces), CONTENTS.subarray(1000, 5197));
  t.equal(readCached(file, SIZE - 10, [new Uint8Array(100)]), 10, 'up to the end of the file');
  t.equal(readCached(file, SIZE, [new Uint8Array(100)]), 0, 'behind it');

  fsyncSync(file.number);
  const drop = [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none'];
  t.equal(spawnSync('dd', drop).status, 0);
  t.equal(readCached(file, 0, [new Uint8Array(4096)]), NOT_CACHED);
});

t.test('more pieces than one call takes', { skip: unsupported }, async (t) => {
  const pieces = Array.from({ length: 1100 }, () => new Uint8Array(8));
  t.equal(readCached(file, 0, pieces), 1024 * 8);
});

t.test('a descriptor that is not open', async (t) => {
  t.throws(() => readCached({ number: 99_999 }, 0, [new Uint8Array(1)]), { code: 'EBADF' });
});
