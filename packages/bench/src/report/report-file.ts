import { readFileSync } from 'node:fs';
import { VfioUserError } from '@vfio-user/core';
import { attemptFailed } from '@vfio-user/core/internal';
import { z } from 'zod';
import { type Report, reportSchema } from './schema.js';

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
