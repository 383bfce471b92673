import { type Command, Option } from '@commander-js/extra-typings';
import type { Logger } from 'pino';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
type Level = (typeof LEVELS)[number];

/** The two options every command that logs has. */
export function addLogOptions<Args extends unknown[], Opts extends Record<string, unknown>>(
  command: Command<Args, Opts>,
  defaultLevel: Level,
) {
  return command
    .addOption(
      new Option(
        '--log-level <level>',
        `how much to log on stderr (default: ${defaultLevel})`,
      ).choices(LEVELS),
    )
    .option(
      '-v, --verbose',
      'log more; twice for every message',
      (_text, count: number) => count + 1,
      0,
    );
}

/** `-v` beats the default, `--log-level` beats both. */
export function logLevel(
  options: { readonly logLevel?: Level | undefined; readonly verbose: number | true },
  defaultLevel: Level,
): Level {
  if (options.logLevel !== undefined) return options.logLevel;
  if (options.verbose === 0) return defaultLevel;
  return Number(options.verbose) === 1 ? 'debug' : 'trace';
}

/**
 * A logger on stderr: JSON lines, or readable text when a person is watching. Writes are
 * synchronous, so no line is lost when the process ends.
 */
export async function createLogger(level: Level): Promise<Logger> {
  const { pino } = await import('pino');
  if (!process.stderr.isTTY) {
    return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
  }
  const { default: pretty } = await import('pino-pretty');
  return pino({ level, base: null }, pretty({ destination: 2, sync: true }));
}
