// npm run chaos: see USAGE.

import { type Options, parseOptions, USAGE } from './options.js';
import { FAULT_KINDS } from './plan/faults.js';
import { Results } from './run/results.js';
import { runChaos } from './run/run-chaos.js';

const WRONG_USAGE = 2;
/** How often a long run says how far it is, ms. */
const PROGRESS_MS = 60_000;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function readOptions(): Options {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`chaos: ${(error as Error).message}\n${USAGE}`);
    process.exit(WRONG_USAGE);
  }
}

async function main({ seed, faults, setups, kinds }: Options): Promise<void> {
  const some = kinds.length < FAULT_KINDS.length ? ` --kind ${kinds.join()}` : '';
  const again = `npm run chaos -- --faults ${faults} --seed ${seed} --transport ${setups.join()}${some}`;
  say(again);
  const begin = performance.now();
  const results = new Results();
  const progress = setInterval(() => {
    process.stderr.write(`chaos: ${results.faults} of ${faults} faults\n`);
  }, PROGRESS_MS);
  const chaos = await runChaos({ seed, faults, setups, kinds }, results);
  clearInterval(progress);
  const { links } = chaos;
  say(`\n${results.table()}\n`);
  say(`cut within: ${results.cuts()}`);
  say(`links that were made again: ${links.resumes}, frames sent again: ${links.framesSentAgain}`);
  say(`time: ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  const isGood = chaos.faults.length === 0 && results.isGood;
  if (!isGood) {
    const reasons = chaos.faults.join('\n');
    process.stderr.write(`\n${reasons}\nchaos: FAILED with seed ${seed}: ${again}\n`);
  }
  // Not left to the event loop: Node 20 may wait for ever for a write to a socket that was reset.
  process.exit(isGood ? 0 : 1);
}

// What has been started ends with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const options = readOptions();
if (options.help) process.stdout.write(USAGE);
else await main(options);
