import { UsageError } from './errors.js';

const DAY_MS = 86_400_000;
const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/**
 * A time as it is written, for example `500ms`, `30s`, `1.5m`, in ms: more than 0, a day at most.
 * @throws {UsageError} naming the option.
 */
export function parseDuration(option: string, text: string): number {
  const [, number, unit = ''] = /^(\d{1,6}(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? [];
  const milliseconds = Number(number) * (units[unit] ?? 1);
  if (milliseconds > 0 && milliseconds <= DAY_MS) return milliseconds;
  throw new UsageError(`${option} ${text}: expected a time such as 30s or 5m`);
}
