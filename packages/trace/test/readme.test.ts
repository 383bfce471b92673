import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';

/** What each example prints. */
const PRINTED = [
  [
    'session 1: native encoding',
    'false VENDOR_ID,DEVICE_ID',
    'false counter WRAPPED',
    'one side left',
  ],
  ['REGION_READ client 2 true', 'VERSION client 1 true', 'DEVICE_GET_INFO client 1 true'],
  ['1b36:0010 NVM Express controller [010802] (rev 02)'],
];

const folder = fileURLToPath(new URL('..', import.meta.url));

t.test('the examples of the README run, one after the other', async (t) => {
  const readme = readFileSync(`${folder}README.md`, 'utf8');
  const examples = [...readme.matchAll(/```js\n(.*?)```/gs)];
  t.equal(examples.length, PRINTED.length);
  const capture = `${t.testdir()}/session.pcap`;
  for (const [i, [, example = '']] of examples.entries()) {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', example.replaceAll('session.pcap', capture)],
      // Where the package finds itself and the others, as they were built, by their names.
      { cwd: folder, encoding: 'utf8' },
    );
    t.equal(stderr, '');
    t.strictSame(stdout.trimEnd().split('\n'), PRINTED[i]);
    t.equal(status, 0);
  }
});
