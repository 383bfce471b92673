import type { LogFields, Logger } from './logger.js';

/** Lines of one kind that are written before the rest is only counted. */
const BURST = 10;
/** How long a kind is counted before the count is written, ms. */
const PERIOD_MS = 30_000;
/**
 * Kinds that are counted separately; further ones share a count, so that a peer cannot use any
 * amount of memory.
 */
const MAX_KINDS = 200;
const OTHER_KINDS = '';

type LimitedLevel = 'info' | 'warn' | 'error';

interface Line {
  readonly level: LimitedLevel;
  readonly fields: LogFields;
  readonly message: string;
}

/** Lines with one message. */
interface Kind {
  /** Lines in this period. */
  lines: number;
  /** Lines in this period that were not written. */
  held: number;
  lastHeld: Line | undefined;
  /** Nothing is written until a period with few lines. */
  isMuted: boolean;
}

export interface LogLimit {
  readonly burst: number;
  readonly periodMs: number;
}

/**
 * Limits how much a guest or a peer can make a program log. Of each kind of line (the same message)
 * a burst is written; the rest is counted, and the last one is written with the count at the end of
 * the period. Levels below info are not limited.
 */
export class LimitedLogger implements Logger {
  readonly #bindings: LogFields;
  readonly #lines: LimitedLines;

  private constructor(lines: LimitedLines, bindings: LogFields) {
    this.#lines = lines;
    this.#bindings = bindings;
  }

  /** One logger for everything that a server, bridge or client logs. */
  static over(
    logger: Logger,
    limit: LogLimit = { burst: BURST, periodMs: PERIOD_MS },
  ): LimitedLogger {
    return new LimitedLogger(new LimitedLines(logger, limit), {});
  }

  debug(fields: LogFields, message: string): void {
    this.#lines.target.debug(this.#withBindings(fields), message);
  }

  info(fields: LogFields, message: string): void {
    this.#write('info', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.#write('warn', fields, message);
  }

  error(fields: LogFields, message: string): void {
    this.#write('error', fields, message);
  }

  /** A child logger with the same counts. */
  child(bindings: LogFields): LimitedLogger {
    return new LimitedLogger(this.#lines, this.#withBindings(bindings));
  }

  /** Write the pending counts. */
  flush(): void {
    this.#lines.endPeriod();
  }

  #write(level: LimitedLevel, fields: LogFields, message: string): void {
    this.#lines.take({ level, fields: this.#withBindings(fields), message });
  }

  /** Merged here, as pino would write a duplicate name twice. */
  #withBindings(fields: LogFields): LogFields {
    return { ...this.#bindings, ...fields };
  }
}

/** The recent kinds of lines. */
class LimitedLines {
  readonly target: Logger;
  readonly #limit: LogLimit;
  readonly #kinds = new Map<string, Kind>();
  #timer: NodeJS.Timeout | undefined;

  constructor(target: Logger, limit: LogLimit) {
    this.target = target;
    this.#limit = limit;
  }

  take(line: Line): void {
    const kind = this.#kindOf(line.message);
    kind.lines++;
    if (kind.lines > this.#limit.burst) kind.isMuted = true;
    if (kind.isMuted) {
      kind.held++;
      kind.lastHeld = line;
      return;
    }
    this.#write(line);
  }

  endPeriod(): void {
    for (const [message, kind] of this.#kinds) {
      if (kind.lastHeld !== undefined) this.#writeCount(kind.held, kind.lastHeld);
      if (kind.lines <= this.#limit.burst) this.#kinds.delete(message);
      kind.lines = 0;
      kind.held = 0;
      kind.lastHeld = undefined;
    }
    if (this.#kinds.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #kindOf(message: string): Kind {
    const name = this.#kinds.has(message) || this.#kinds.size < MAX_KINDS ? message : OTHER_KINDS;
    let kind = this.#kinds.get(name);
    if (kind === undefined) {
      kind = { lines: 0, held: 0, lastHeld: undefined, isMuted: false };
      this.#kinds.set(name, kind);
      this.#timer ??= setInterval(() => this.endPeriod(), this.#limit.periodMs).unref();
    }
    return kind;
  }

  #writeCount(held: number, { level, fields, message }: Line): void {
    this.#write({ level, fields: { ...fields, more: held }, message: `${message} (${held} more)` });
  }

  #write({ level, fields, message }: Line): void {
    this.target[level](fields, message);
  }
}
