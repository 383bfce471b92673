import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createAttribute, getAttribute } from '../src/index.js';

t.test('an attribute is made once, and read', async (t) => {
  const number = openSync(join(t.testdir({ file: '' }), 'file'), 'r+');
  t.teardown(() => closeSync(number));
  const file = { number };
  const name = 'user.vfio-user.test';
  t.equal(getAttribute(file, name, 8), undefined);
  createAttribute(file, name, Uint8Array.of(1, 0, 2));
  t.same(getAttribute(file, name, 8), Uint8Array.of(1, 0, 2));
  t.throws(() => createAttribute(file, name, Uint8Array.of(3)), { code: 'EEXIST' });
  t.throws(() => getAttribute(file, name, 2), { code: 'ERANGE' });
});

t.test('where there are none, the errno says so', async (t) => {
  const number = openSync('/proc/self/stat', 'r');
  t.teardown(() => closeSync(number));
  t.throws(() => getAttribute({ number }, 'user.test', 8), { code: 'ENOTSUP' });
  t.throws(() => getAttribute({ number: -1 }, 'user.test', 8), { code: 'EBADF' });
});
