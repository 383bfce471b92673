import { parseArgs } from 'node:util';
import { FAULT_KINDS, type FaultKind } from './plan/faults.js';
import { SETUPS, type SetupName } from './plan/sessions.js';
import { MAX_SEED, Random } from './random.js';

const DEFAULT_FAULTS = 300;

export const USAGE = `npm run chaos -- [options]

Drives devices in other processes while their links fail, and verifies that each operation takes
effect once: steps of a counter add up, blocks of a disk have what was written last, each command
completes once, interrupts are counted. Links are reset, closed, silent, slow, half open, or end
within a frame, connections of one session race, processes are stopped. Prints a table.

  --faults N        how many (default ${DEFAULT_FAULTS})
  --seed N          what they are follows from it, 0 to ${MAX_SEED} (default: another one each time)
  --transport LIST  of ${SETUPS.join(', ')} (default: all of them); bridge: a client on
                    a UNIX socket, a bridge, and tcp
  --kind LIST       of ${FAULT_KINDS.slice(0, 8).join(', ')},
                    ${FAULT_KINDS.slice(8).join(', ')} (default: all of them)
  --help            this text

Exit status: 0 when nothing was lost, repeated or wrong; 1 otherwise; 2: wrong options.
`;

/** What the command line asks for. */
export interface Options {
  readonly faults: number;
  readonly seed: number;
  readonly setups: readonly SetupName[];
  readonly kinds: readonly FaultKind[];
  readonly help: boolean;
}

/** @throws {Error} with a text for the user. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      faults: { type: 'string', default: String(DEFAULT_FAULTS) },
      seed: { type: 'string' },
      transport: { type: 'string', default: SETUPS.join() },
      kind: { type: 'string', default: FAULT_KINDS.join() },
      help: { type: 'boolean', default: false },
    },
  });
  const { seed = String(new Random(Date.now() ^ process.pid).seed()) } = values;
  return {
    faults: wholeNumber('--faults', values.faults, 1, 10_000_000),
    seed: wholeNumber('--seed', seed, 0, MAX_SEED),
    setups: someOf('--transport', values.transport, SETUPS),
    kinds: someOf('--kind', values.kind, FAULT_KINDS),
    help: values.help,
  };
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${option} ${text}: expected a whole number from ${least} to ${most}`);
}

function someOf<T extends string>(option: string, text: string, known: readonly T[]): T[] {
  const names = new Set<string>(text.split(','));
  for (const name of names) {
    if (known.some((each) => each === name)) continue;
    throw new Error(`${option} ${text}: "${name}" is none of ${known.join(', ')}`);
  }
  return known.filter((each) => names.has(each));
}
