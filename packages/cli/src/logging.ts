import { type Command, Option } from '@commander-js/extra-typings';
import type { Logger } from 'pino';
import { standardOutput } from './non-blocking-output.js';

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
type Level = (typeof LEVELS)[number];

/** Help of `-v` for commands that serve clients. */
export const SERVER_VERBOSE_HELP =
  'log more (-v: debug; -vv: trace, each request, DMA access and interrupt)';

/** Add `-v` and `--log-level`. */
export function addLogOptions<Args extends unknown[], Opts extends Record<string, unknown>>(
  command: Command<Args, Opts>,
  defaultLevel: Level,
  verboseHelp = 'log more (-v: debug)',
) {
  return command
    .addOption(
      new Option(
        '--log-level <level>',
        `how much to log on stderr (default: ${defaultLevel})`,
      ).choices(LEVELS),
    )
    .option('-v, --verbose', verboseHelp, (_text, count: number) => count + 1, 0);
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
 * A logger on stderr: JSON lines, or readable text when a person is watching. It never waits for its
 * reader: what that leaves unread for too long is dropped, and counted.
 */
export async function createLogger(level: Level): Promise<Logger> {
  const { default: pino } = await import('pino');
  const output = standardOutput(2);
  const format = output.isTerminal
    ? (await import('pino-pretty')).default.prettyFactory({})
    : (line: string) => line;
  const logger = pino({ level, base: null }, { write: (line) => output.write(format(line)) });
  output.onDropped = (lines) =>
    logger.warn({ lines }, `${lines} lines dropped, as nobody read the log`);
  if (level === 'trace') await logMessages(logger);
  return logger;
}

/** Log each request, DMA access and interrupt from now on. */
async function logMessages(logger: Logger): Promise<void> {
  const { commandName, diagnostics } = await import('@vfio-user/core');
  diagnostics.request.subscribe(({ command, ...request }) =>
    logger.trace({ command: commandName(command), ...request }, 'request'),
  );
  diagnostics.dma.subscribe((access) => logger.trace(access, 'DMA'));
  diagnostics.interrupt.subscribe((interrupt) => logger.trace(interrupt, 'interrupt'));
}
