import { cpus, hostname, loadavg, release, totalmem, type } from 'node:os';
import type { Report } from './report.js';

/** Where figures are from: without it they mean nothing. */
export function describeMachine(): Omit<Report['machine'], 'load'> {
  const processors = cpus();
  return {
    name: hostname(),
    processor: processors[0]?.model ?? 'unknown',
    processors: processors.length,
    memoryBytes: totalmem(),
    kernel: `${type()} ${release()}`,
  };
}

/** Processes that ran or waited to run, in the mean over the last minute. */
export function currentLoad(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

/** Of what has a part in the figures. */
export function describeVersions(version: string): Report['versions'] {
  const { node = '', v8 = '', uv = '', openssl = '' } = process.versions;
  return { 'vfio-user': version, node, v8, uv, openssl };
}

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

/** What was not measured, and why. */
export function leftOutLines({ leftOut }: Report): readonly string[] {
  return leftOut.map(
    ({ target, test, reason }) =>
      `${test === undefined ? target : `${test} on ${target}`}: ${reason}`,
  );
}
