import { type RunOptions, WORKLOAD_NAMES, type WorkloadName } from '@vfio-user/bench';
import { parseSize } from '@vfio-user/core/internal';
import { durationOption } from '../../duration.js';
import { UsageError } from '../../errors.js';

/** The options of `bench`, as parsed from the command line. */
export interface BenchCommandOptions {
  readonly transport: readonly string[];
  readonly connect: readonly string[];
  readonly echo?: string | undefined;
  readonly tests: readonly string[];
  readonly sizes: readonly string[];
  readonly depth: readonly string[];
  readonly duration: string;
  readonly rounds: string;
  readonly rate: string;
  readonly overwrite?: true | undefined;
  readonly json?: string | undefined;
  readonly csv?: string | undefined;
  readonly html?: string | undefined;
  readonly png?: string | undefined;
  readonly markdown?: string | undefined;
}

const DEFAULT_SIZES = [64, 2 ** 12, 2 ** 16, 2 ** 20, 2 ** 24] as const;
const DEFAULT_DEPTHS = [1, 32] as const;
const MAX_SIZE = 2 ** 24;
const MAX_DEPTH = 64;
const MAX_ROUNDS = 1000;
const MAX_RATE = 1_000_000;

/** @throws {UsageError} saying which option is wrong and what would be right. */
export function parseOptions(options: BenchCommandOptions): RunOptions {
  const { transport, connect, echo, overwrite = false } = options;
  if (connect.length > 0 && transport.length > 0) {
    throw new UsageError('--connect and --transport exclude each other: give one of them');
  }
  if (echo !== undefined && connect.length === 0) {
    throw new UsageError('--echo is for servers elsewhere: give --connect as well');
  }
  return {
    transports: transport,
    connect,
    echo,
    overwrite,
    workloads: workloadsOf(options.tests),
    sizes: options.sizes.length > 0 ? options.sizes.map(sizeOf) : DEFAULT_SIZES,
    depths:
      options.depth.length > 0
        ? options.depth.map((text) => wholeNumber('--depth', text, MAX_DEPTH))
        : DEFAULT_DEPTHS,
    duration: durationOption('--duration', options.duration),
    rounds: wholeNumber('--rounds', options.rounds, MAX_ROUNDS),
    rate: wholeNumber('--rate', options.rate, MAX_RATE),
  };
}

function workloadsOf(names: readonly string[]): readonly WorkloadName[] {
  if (names.length === 0) return WORKLOAD_NAMES;
  return names.map((name) => {
    const found = WORKLOAD_NAMES.find((known) => known === name);
    if (found !== undefined) return found;
    throw new UsageError(`--tests ${name}: there are ${WORKLOAD_NAMES.join(', ')}`);
  });
}

function sizeOf(text: string): number {
  const bytes = parseSize(text) ?? 0;
  if (bytes >= 4 && bytes <= MAX_SIZE && bytes % 4 === 0) return bytes;
  throw new UsageError(`--sizes ${text}: expected a multiple of 4 from 4 to 16M, such as 4K`);
}

function wholeNumber(option: string, text: string, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= most) return number;
  throw new UsageError(`${option} ${text}: expected a whole number from 1 to ${most}`);
}
