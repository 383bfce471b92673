import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import type { Contender } from '../src/engine/contender.js';
import { sampled } from '../src/engine/contender.js';
import { runRounds } from '../src/engine/rounds.js';
import { parseOptions } from '../src/rows/options.js';
import { resultOf, rowText } from '../src/rows/row-result.js';

const MAIN = fileURLToPath(new URL('../dist/rows/main.js', import.meta.url));

const settings = {
  rounds: 2,
  milliseconds: 0,
  warmUpMilliseconds: 0,
  signal: new AbortController().signal,
  onMeasurement() {},
};

/** Takes so many nanoseconds in the warm-up and in each round. */
function scripted(name: string, rounds: readonly (readonly number[])[], depth = 1): Contender {
  let round = 0;
  return sampled(name, () => rounds[round++] ?? [], depth);
}

t.test('a row is measured by turns, and each ratio is of one round', async (t) => {
  const floor = scripted('floor', [[999_000], [1000, 1000, 4000], [2000, 2000, 2000]]);
  const subject = scripted('subject', [[1], [2000, 2000, 2000], [8000, 8000, 8000]], 2);
  const row = {
    name: 'example',
    what: 'an example.',
    contenders: [floor, subject],
    comparisons: [
      { subject, floor, quantity: 'time', target: 3 },
      { subject, floor, quantity: 'speed', target: 0.3 },
      { subject, floor, quantity: 'rate', target: 1 },
    ],
  } as const;
  const result = resultOf(row, await runRounds(row.contenders, settings));

  t.equal(result.rounds, 2, 'the first one warmed up');
  t.match(result.contenders, [
    { name: 'floor', p50: 1500, p99: 4000 },
    // Two at a time: 3 in 3000 ns, 3 in 12,000 ns.
    { name: 'subject', p50: 5000, p99: 8000, perSecond: 625_000 },
  ]);
  const [time, speed, rate] = result.comparisons;
  t.match(time, { ratio: 3, lowest: 2, highest: 4, met: true }, 'times 2 and 4');
  t.match(speed, { ratio: 0.375, lowest: 0.25, highest: 0.5, met: true });
  // 6000 / 3 and 6000 / 12,000 with two under way.
  t.match(rate, { ratio: 1.25, lowest: 0.5, highest: 2, met: true });
  t.match(rowText(result), /time of subject \/ floor +3\.00 +2\.00\.\.4\.00 +<= 3 +met\n/);
});

t.test('what measured nothing has no ratio', async (t) => {
  const [floor, subject] = [scripted('floor', [[1], [1], [1]]), scripted('subject', [])];
  const comparisons = [{ subject, floor, quantity: 'time' }] as const;
  const row = { name: 'example', what: '', contenders: [floor, subject], comparisons };
  const measured = await runRounds(row.contenders, settings);
  t.throws(() => resultOf(row, measured), /subject: nothing to compare was measured/);
});

t.test('options', async (t) => {
  t.match(parseOptions(['--row', 'a', '--row', 'b', '--rounds', '5', '--apart']), {
    rows: ['a', 'b'],
    rounds: 5,
    apart: true,
    nodeArgs: [],
  });
  t.same(parseOptions(['--profile']).nodeArgs, ['--cpu-prof']);
  t.throws(() => parseOptions(['--rounds', '0']), /--rounds 0: expected a whole number/);
  t.throws(() => parseOptions(['--rwo', 'a']), /rwo/);
});

t.test('a row that there is not is told with those that there are', async (t) => {
  const failed = promisify(execFile)(process.execPath, [MAIN, '--row', 'pigeon']);
  await t.rejects(failed, { code: 1, stderr: /no row pigeon; there are: unix-region-read, / });
});

t.test('a server is measured against a program in C', { skip: noCompiler() }, async (t) => {
  const json = join(t.testdir({}), 'rows.json');
  const args = [MAIN, '--row', 'unix-region-read', '--rounds', '1', '--json', json];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  t.match(stdout, /time of serve bench \/ ping-pong in C +\d/);
  const { machine, rows } = JSON.parse(readFileSync(json, 'utf8'));
  t.equal(machine.node, process.version);
  const [floor, subject] = rows[0].contenders;
  t.ok(floor.p50 > 0 && subject.p50 > 0);
  t.equal(rows[0].comparisons[0].ratio, subject.p50 / floor.p50);
});

function noCompiler(): string | false {
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'there is no C compiler here: install gcc';
  }
}
