import { parseDuration } from '@vfio-user/core/internal';
import { UsageError } from './errors.js';

const DAY_MS = 86_400_000;

/**
 * Parse a duration, for example `500ms`, `30s`, `1.5m`, to ms: more than 0, at most a day.
 * @throws {UsageError} naming the option.
 */
export function durationOption(option: string, text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined && milliseconds <= DAY_MS) return milliseconds;
  throw new UsageError(`${option} ${text}: expected a time such as 30s or 5m`);
}
