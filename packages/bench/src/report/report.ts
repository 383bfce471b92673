import { readFileSync } from 'node:fs';
import { VfioUserError } from '@vfio-user/core';
import { attemptFailed } from '@vfio-user/core/internal';
import * as z from 'zod';

/** Raised when a reader of older reports would misunderstand newer ones. */
export const REPORT_VERSION = 1;

const spread = z.object({ median: z.number(), lowest: z.number(), highest: z.number() });

const latency = z.object({
  min: z.number(),
  p50: z.number(),
  p99: z.number(),
  p999: z.number(),
  max: z.number(),
  /** The median of each round. */
  rounds: spread,
  /** All rounds together: HdrHistogram V2, compressed, base64. */
  histogram: z.string(),
});

const result = z.object({
  test: z.string(),
  /** Unique together with `contender`. */
  case: z.string(),
  title: z.string(),
  /** What the ratios are of. */
  quantity: z.enum(['latency', 'rate']),
  loop: z.enum(['closed', 'open']),
  depth: z.int().positive(),
  blockBytes: z.int().positive().optional(),
  contender: z.string(),
  role: z.enum(['transport', 'floor']),
  rounds: z.int().positive(),
  /** Time of each measurement. */
  milliseconds: z.number().positive(),
  operations: z.number(),
  /** Nanoseconds; absent where single operations are not seen. */
  latency: latency.optional(),
  perSecond: spread,
  bytesPerSecond: spread.optional(),
  /** Processor time of an operation, nanoseconds. */
  cpu: z.object({ client: z.number(), server: z.number().optional() }),
  /** Time of an operation divided by that of the floor, round by round. */
  toFloor: spread.extend({ floor: z.string() }).optional(),
  /** The same for the first transport. */
  toFirst: spread.optional(),
});

/** What `--json` writes and `compare` reads. */
export const reportSchema = z.object({
  format: z.literal('vfio-user-bench'),
  version: z.literal(REPORT_VERSION),
  startedAt: z.iso.datetime(),
  seconds: z.number(),
  command: z.array(z.string()),
  machine: z.object({
    name: z.string(),
    processor: z.string(),
    processors: z.int(),
    memoryBytes: z.number(),
    kernel: z.string(),
    /** Of the last minute, before and after. */
    load: z.object({ before: z.number(), after: z.number() }),
  }),
  versions: z.record(z.string(), z.string()),
  settings: z.object({ rounds: z.int(), rate: z.number(), durationMs: z.number() }),
  /** In the order given; the first one is what the others are held against. */
  targets: z.array(z.object({ name: z.string(), uri: z.string() })),
  /** What was not measured, and why. */
  leftOut: z.array(
    z.object({ target: z.string(), test: z.string().optional(), reason: z.string() }),
  ),
  tests: z.array(z.object({ name: z.string(), what: z.string() })),
  results: z.array(result),
});

/** A run of the benchmark. */
export type Report = z.output<typeof reportSchema>;
/** One contender in one case. */
export type Result = z.output<typeof result>;

/** As `--json` writes it. */
export function reportJson(report: Report): string {
  return `${JSON.stringify(report, undefined, 1)}\n`;
}

/** Read what `--json` wrote. @throws when there is no such file, or it is something else. */
export function readReport(file: string): Report {
  const content = parse(file, read(file));
  const parsed = reportSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new VfioUserError(
    'VFU_CONFIG_INVALID',
    `${file} is no report of \`vfio-user bench --json\`, or of another version:\n${z.prettifyError(parsed.error)}`,
    { cause: parsed.error },
  );
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw attemptFailed('read-file', file, error, { code: 'VFU_CONFIG_INVALID' });
  }
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const text = `${file} is no JSON: ${(cause as Error).message}`;
    throw new VfioUserError('VFU_CONFIG_INVALID', text, { cause });
  }
}

/** A run in plots: its name, when there are several. */
export interface NamedReport {
  readonly name: string;
  readonly report: Report;
}
