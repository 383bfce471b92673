/**
 * Fields of a log line, as JSON. An error goes into `err`: of that, pino keeps message and stack.
 * The names that pino itself writes are not to be had, as a key would be there twice.
 */
export interface LogFields {
  readonly err?: unknown;
  readonly error?: never;
  readonly level?: never;
  readonly time?: never;
  readonly pid?: never;
  readonly hostname?: never;
  readonly msg?: never;
  readonly [name: string]: unknown;
}

/**
 * What the libraries need of a logger; pino's shape. `message` is one of a fixed set, which says what
 * kind of line it is: what differs from line to line stands in `fields`.
 */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(bindings: LogFields): Logger;
}

/** Libraries are silent unless the application hands them a logger. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
