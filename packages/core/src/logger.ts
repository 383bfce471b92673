/**
 * Fields of a log line, as JSON. Put an error into `err`: pino keeps its message and stack. The
 * names that pino writes itself are excluded, as a key would appear twice.
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
 * The logger interface of the libraries, a subset of pino's. `message` is one of a fixed set, which
 * identifies the kind of line; what varies belongs in `fields`.
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
