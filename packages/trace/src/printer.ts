import type { EncodingName } from '@vfio-user/core';
import type { TracedMessage } from './decode/traced-message.js';
import type { Outlet } from './output/outlet.js';
import type { TraceSummary } from './statistics/statistics.js';
import { statisticsText } from './statistics/statistics-text.js';
import { isoTime, messageJson, stringify } from './text/json-message.js';
import { messageLine } from './text/message-line.js';
import type { Palette } from './text/palette.js';
import { harmless, timeText } from './text/values.js';

/** The beginning of a session. */
export interface SessionBegin {
  readonly session: number;
  readonly timeUs: number;
  readonly encoding: EncodingName;
  /** The client; a file does not know it. */
  readonly peer?: string;
}

/** The end of a session. */
export interface SessionEnd {
  readonly session: number;
  readonly timeUs: number;
  /** Why, unless one side left. */
  readonly reason?: string | undefined;
}

/** Puts a trace into words. */
export interface Printer {
  begins(begin: SessionBegin): void;
  message(traced: TracedMessage): void;
  ends(end: SessionEnd): void;
  statistics(summary: TraceSummary): void;
}

/** Lines for people. */
export class TextPrinter implements Printer {
  readonly #outlet: Outlet;
  readonly #palette: Palette;
  /** The session of the last line: messages of another one are announced. */
  #session = 0;

  constructor(outlet: Outlet, palette: Palette) {
    this.#outlet = outlet;
    this.#palette = palette;
  }

  begins({ session, timeUs, encoding, peer }: SessionBegin): void {
    const who = peer === undefined ? '' : ` of ${harmless(peer)}`;
    this.#headline(timeUs, `session ${session}${who}, ${encoding} encoding`);
    this.#session = session;
  }

  message(traced: TracedMessage): void {
    const { session, timeUs } = traced.packet;
    if (session !== this.#session) this.#headline(timeUs, `session ${session} again`);
    this.#session = session;
    this.#line(messageLine(traced, this.#palette));
  }

  ends({ session, timeUs, reason }: SessionEnd): void {
    const why = reason === undefined ? '' : `: ${this.#palette.error(harmless(reason))}`;
    this.#headline(timeUs, `session ${session} has ended${why}`);
  }

  statistics(summary: TraceSummary): void {
    this.#line(`${statisticsText(summary)}`);
  }

  #headline(timeUs: number, text: string): void {
    this.#line(`${this.#palette.dim(timeText(timeUs))} = ${text}`);
  }

  #line(text: string): void {
    this.#outlet.writeText(`${text}\n`);
  }
}

/** One object per line, each with a `type`. */
export class JsonPrinter implements Printer {
  readonly #outlet: Outlet;

  constructor(outlet: Outlet) {
    this.#outlet = outlet;
  }

  begins({ timeUs, ...begin }: SessionBegin): void {
    this.#line(stringify({ type: 'begin', time: isoTime(timeUs), ...begin }));
  }

  message(traced: TracedMessage): void {
    this.#line(messageJson(traced));
  }

  ends({ timeUs, ...end }: SessionEnd): void {
    this.#line(stringify({ type: 'end', time: isoTime(timeUs), ...end }));
  }

  statistics(summary: TraceSummary): void {
    this.#line(stringify({ type: 'statistics', ...summary }));
  }

  #line(text: string): void {
    this.#outlet.writeText(`${text}\n`);
  }
}
