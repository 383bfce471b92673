import { basename } from 'node:path';
import { compareTables, describeRun, readReport, tableText } from '@vfio-user/bench';
import { UsageError } from '../../errors.js';
import type { Io } from '../../io.js';
import { OutputFiles } from './output-files.js';

const LEGEND = `In parentheses: the lowest and the highest round. x first: how many times as long as in the first
run. slower, faster: the ranges of the rounds do not overlap.`;

/** Print saved runs side by side, and write the files that were asked for. */
export async function runCompare(
  files: readonly string[],
  options: { readonly html?: string | undefined; readonly png?: string | undefined },
  io: Io,
): Promise<void> {
  if (files.length < 2) throw new UsageError('compare what with what? Give two files or more');
  const reports = files.map((file, at) => ({
    name: nameOf(file, at, files),
    report: readReport(file),
  }));
  const plots = await OutputFiles.open(options);
  const runs = reports.map(({ name, report }) => [name, ...describeRun(report)].join('\n  '));
  const tables = compareTables(reports).map(tableText);
  io.stdout(`${[...runs, ...tables, LEGEND].join('\n\n')}\n`);
  try {
    await plots.writePlots(reports);
  } finally {
    await plots.close();
  }
}

/** The file's own name if no other one has it. */
function nameOf(file: string, at: number, files: readonly string[]): string {
  const name = basename(file, '.json');
  const isAlone = files.filter((other) => basename(other, '.json') === name).length === 1;
  return isAlone ? name : `${at + 1}: ${name}`;
}
