import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Program } from '@vfio-user/support';
import t from 'tap';
import { FAULT_KINDS } from '../src/plan/faults.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

function chaos(...args: readonly string[]): Program {
  return new Program([process.execPath, MAIN, ...args]);
}

for (const transport of ['tcp', 'bridge']) {
  t.test(`faults of each kind over ${transport}`, async (t) => {
    const run = chaos('--faults', '51', '--seed', '5', '--transport', transport);
    const { code, stdout, stderr } = await run.ended();
    t.equal(code, 0, stderr.join('\n'));
    t.equal(stdout[0], `npm run chaos -- --faults 51 --seed 5 --transport ${transport}`);
    for (const kind of FAULT_KINDS)
      t.ok(
        stdout.some((line) => line.startsWith(kind)),
        kind,
      );
    t.match(
      stdout.find((line) => line.startsWith('all ')),
      /^all +51 +\d+ +0 +0 +0 +/,
    );
  });
}

t.test('when something is wrong the exit status is 1, and the seed is told', async (t) => {
  const run = chaos('--faults', '100000', '--seed', '6', '--transport', 'tcp', '--kind', 'reset');
  await run.line('stdout', /^npm run chaos/);
  // Its server: the first child.
  let server: number | undefined;
  while (server === undefined) {
    const children = readFileSync(`/proc/${run.pid}/task/${run.pid}/children`, 'utf8');
    server = Number.parseInt(children, 10) || undefined;
    await setImmediate();
  }
  process.kill(server, 'SIGKILL');
  const { code, stderr } = await run.ended();
  t.equal(code, 1);
  t.match(stderr.at(-1), 'chaos: FAILED with seed 6: npm run chaos -- --faults 100000 --seed 6');
});

t.test('wrong options are told, with how it is used', async (t) => {
  for (const [option, value, text] of [
    ['--faults', '0', '--faults 0: expected a whole number from 1'],
    ['--seed', 'x', '--seed x: expected a whole number from 0'],
    ['--transport', 'pigeon', '--transport pigeon: "pigeon" is none of tcp, tls'],
    ['--kind', 'flood', '--kind flood: "flood" is none of reset, end'],
  ] as const) {
    const { code, stderr } = await chaos(option, value).ended();
    t.equal(code, 2);
    t.match(stderr.join('\n'), text);
  }
});
