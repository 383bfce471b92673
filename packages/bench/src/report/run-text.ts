import type { Report } from './schema.js';

const GIBI = 2 ** 30;

/** What a run was, line by line. */
export function describeRun(report: Report): readonly string[] {
  const { machine, versions, settings, targets, startedAt, seconds, command } = report;
  const { name, processor, processors, memoryBytes, kernel, load } = machine;
  const memory = Math.round(memoryBytes / GIBI);
  const software = Object.entries(versions).map(([what, version]) => `${what} ${version}`);
  return [
    `${name}: ${processors} x ${processor}, ${memory} GiB, ${kernel}`,
    `${software.join(', ')}`,
    `${startedAt.slice(0, 16).replace('T', ' ')} UTC, ${Math.round(seconds)} s, ${settings.rounds} rounds, load ${load.before} before and ${load.after} after`,
    `${command.join(' ')}`,
    ...targets.map((target) => `${target.name}: ${target.uri}`),
  ];
}
