import { cpus, hostname, loadavg, release, totalmem, type } from 'node:os';
import type { Report } from './schema.js';

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
