import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { UsageError } from '../../errors.js';
import { type Report, reportSchema } from './schema.js';

/** As `--json` writes it. */
export function reportJson(report: Report): string {
  return `${JSON.stringify(report, undefined, 1)}\n`;
}

/** Read what `--json` wrote. @throws {UsageError} when it is something else. */
export function readReport(file: string): Report {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`${file}: ${(cause as Error).message}`, { cause });
  }
  const parsed = reportSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new UsageError(
    `${file} is no report of \`vfio-user bench --json\`, or of another version:\n${z.prettifyError(parsed.error)}`,
    { cause: parsed.error },
  );
}
