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
  throw new UsageError(`${option} ${text}: expected a time such as 30s or 5m, at most a day`);
}

/**
 * Like {@link durationOption}, or 0, which turns off what the time is for.
 * @throws {UsageError} naming the option.
 */
export function durationOrOff(option: string, text: string): number {
  if (/^0(ms|s|m)?$/.test(text)) return 0;
  try {
    return durationOption(option, text);
  } catch (error) {
    throw new UsageError(`${(error as Error).message}, or 0 for off`);
  }
}
