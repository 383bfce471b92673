import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { socketFolder } from '../../../tools/support/socket-folder.js';
import { runCaught } from './fake-io.js';

t.test('a wrong setting is told in a sentence, with its value', async (t) => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['counter', 'modulus=0', /modulus=0: expected at least 1$/],
    ['counter', 'modulus=abc', /modulus=abc: expected a number$/],
    ['counter', 'modulus=1.5', /modulus=1\.5: expected a whole number$/],
    ['counter', 'colour=red', /there is no colour$/],
    ['gpio', 'inputs=65536', /inputs=65536: expected at most 65535$/],
    ['gpio', 'loopback=maybe', /loopback=maybe: expected true or false$/],
    ['gpio', 'toggle=3', /toggle=3: expected line:period_ms, for example 3:500$/],
    ['gpio', 'file=', /file=: must not be empty$/],
    ['gpio', 'inputs=', /inputs=: must not be empty$/],
    ['gpio', 'colour=', /^ *there is no colour$/],
    ['gpio', 'inputs= ', /inputs=: must not be empty$/],
    ['nvme', 'serial=', /serial=: must not be empty$/],
    ['nvme', 'size=big', /size=big: expected a size such as 4096, 4K, 64M, 1G or 2T$/],
    ['nvme', 'size=1000', /size=1000: expected a multiple of the block, 512 bytes: 512 or 1K$/],
    ['nvme', 'size=100', /size=100: smaller than one block$/],
    [
      'nvme',
      'size=100T',
      /size=100T: this machine has [\d.]+ GiB of memory; give file=path as well/,
    ],
    ['nvme', 'lba=1K', /lba=1K: expected 512 or 4096$/],
    ['nvme', 'queues=128', /queues=128: expected at most 127$/],
    ['nvme', 'doorbells=loud', /doorbells=loud: expected trapped or mapped or auto$/],
    ['nvme', `serial=${'x'.repeat(21)}`, /expected at most 20 characters$/],
    ['nvme', 'readonly=2', /readonly=2: expected true or false$/],
    ['bench', 'memory=3M', /memory=3M: expected a power of two from 256K to 1G$/],
  ];
  for (const [device, setting, fault] of cases) {
    const args = ['serve', device, '--listen', 'unix:///x', '--set', setting];
    const { code, stderr } = await runCaught(args);
    t.equal(code, 2, setting);
    t.ok(
      stderr.split('\n').some((line) => fault.test(line)),
      stderr,
    );
    t.notMatch(stderr, /Too |NaN|Invalid|received|✖/, 'none of the words of a library');
  }
});

t.test('sizes are written the same way everywhere', async (t) => {
  const { nvme, bench } = await import('@vfio-user/devices');
  t.match(nvme.options.parse({ size: '64K', lba: '4K' }), { size: 65_536, lba: 4096 });
  t.match(nvme.options.parse({ size: '8192', lba: '4096' }), { size: 8192, lba: 4096 });
  t.match(bench.options.parse({ memory: '1m' }), { memory: 2 ** 20 });
  const { parseOptions } = await import('../src/commands/bench/options.js');
  const others = { transport: [], connect: [], tests: [], depth: [] };
  const asked = { ...others, duration: '1s', rounds: '1', rate: '1', sizes: ['4k', '65536', '1M'] };
  t.strictSame(parseOptions(asked).sizes, [4096, 65_536, 2 ** 20]);
});

t.test('help tells limits', async (t) => {
  const { stdout } = await runCaught(['serve', '--help']);
  t.match(stdout, /queues +I\/O queue pairs at most \(default: 16\); 1 to 127/);
  t.match(stdout, /modulus .* \(default: 1000\); 1 to\s+4294967296/);
  t.match(stdout, /serial +serial number \(default: made of the UUID\); at most\s+20\s+characters/);
  t.match(stdout, /vectors +MSI-X vectors \(default: 32\); 1 to 2048/);
});

t.test('a file that the benchmark cannot write ends it before it measures', async (t) => {
  const folder = socketFolder(t);
  const before = join(folder, 'before.json');
  writeFileSync(before, 'kept');
  const args = ['--json', before, '--csv', join(folder, 'new.csv'), '--html', folder];
  const { code, stdout, stderr } = await runCaught(['bench', '--tests', 'connect', ...args]);
  t.match({ code, stdout }, { code: 2, stdout: '' });
  t.match(stderr, /--html .*: EISDIR: it is a folder\n +Name a file in it/);
  t.strictSame(readdirSync(folder), ['before.json'], 'and leaves nothing behind');
});
