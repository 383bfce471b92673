import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const folder = fileURLToPath(new URL('..', import.meta.url));

t.test('the example of the README runs as it is written', async (t) => {
  const [, example] = /```js\n(.*?)```/s.exec(readFileSync(`${folder}README.md`, 'utf8')) ?? [];
  if (example === undefined) throw new Error('the README has no example');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', example],
    {
      // Where the package finds itself, as it was built, by its name.
      cwd: folder,
      encoding: 'utf8',
    },
  );
  t.equal(stderr, '');
  t.equal(stdout, 'usable\n5 bytes\nhello\n');
  t.equal(status, 0);
});
