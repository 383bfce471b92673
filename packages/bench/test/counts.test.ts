import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'tap';
import type { Counts } from './counts/counters.js';
import { expected } from './counts/expected.js';

const SCRIPT = fileURLToPath(new URL('counts/count-process.ts', import.meta.url));
/** So much fits before garbage is collected, MiB: what was allocated is then what is in use. */
const YOUNG_MIB = 64;
/** For signs of life, acknowledgements, and what arrives in pieces. */
const TOLERANCE = 1.1;

test('messages, system calls and allocations of an operation', async (t) => {
  const heap = ['min', 'max'].map((which) => `--${which}-semi-space-size=${YOUNG_MIB}`);
  const args = [...process.execArgv, '--expose-gc', ...heap, SCRIPT];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const counted: Readonly<Record<string, Counts>> = JSON.parse(stdout);
  t.same(Object.keys(counted), Object.keys(expected), 'each operation is in the table');
  for (const [name, most] of Object.entries(expected)) {
    const found = counted[name] as Counts;
    const dearer = (Object.keys(most) as (keyof Counts)[]).filter(
      (what) => !(found[what] <= most[what] * TOLERANCE),
    );
    t.same(dearer, [], `${name}: ${textOf(found)}; expected at most ${textOf(most)}`);
  }
});

function textOf(counts: Counts): string {
  return Object.entries(counts)
    .map(([what, count]) => `${Math.round(count * 10) / 10} ${what}`)
    .join(', ');
}
