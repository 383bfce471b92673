import { parseArgs } from 'node:util';

export const USAGE = `npm run bench -- [options]
  --row NAME       measure this row only; may be repeated (default: all)
  --rounds N       rounds that count, at least 5 for figures to quote (default 7)
  --json FILE      write the results there as well
  --other SOCKET   unix-region-read: also against the vfio-user server listening there
  --apart          servers on processor 1 only, clients on processor 0
  --profile        profile the servers (node --cpu-prof) into the current folder
`;

/** What the command line asks for. */
export interface Options {
  /** Empty: all. */
  readonly rows: readonly string[];
  readonly rounds: number;
  readonly json: string | undefined;
  readonly otherServer: string | undefined;
  readonly apart: boolean;
  readonly nodeArgs: readonly string[];
}

/** @throws {Error} with a text for the user. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      row: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '7' },
      json: { type: 'string' },
      other: { type: 'string' },
      apart: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds ${values.rounds}: expected a whole number from 1 on`);
  }
  return {
    rows: values.row,
    rounds,
    json: values.json,
    otherServer: values.other,
    apart: values.apart,
    nodeArgs: values.profile ? ['--cpu-prof'] : [],
  };
}
