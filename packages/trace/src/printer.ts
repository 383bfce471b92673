import type { BatchedWriter } from './batched-writer.js';
import type { TracedMessage } from './decode/traced-message.js';
import type { TraceSummary } from './statistics/statistics.js';
import { statisticsText } from './statistics/statistics-text.js';
import { isoTime, messageJson, stringify } from './text/message-json.js';
import { messageLine } from './text/message-line.js';
import type { Palette } from './text/palette.js';
import { escapeControls, timeText } from './text/values.js';
import type { SessionBegin, SessionContinuation, SessionEnd, TraceSink } from './trace-sink.js';

/** Writes a trace as text. */
export interface Printer extends Required<TraceSink> {
  statistics(summary: TraceSummary): void;
}

/** Lines for people. */
export class TextPrinter implements Printer {
  readonly #writer: BatchedWriter;
  readonly #palette: Palette;
  /** Of the last line: a headline comes before messages of another session. */
  #session = 0;

  constructor(writer: BatchedWriter, palette: Palette) {
    this.#writer = writer;
    this.#palette = palette;
  }

  onBegin({ session, timeUs, encoding, peer }: SessionBegin): void {
    this.#headline(timeUs, `session ${session}${ofText(peer)}, ${encoding} encoding`);
    this.#session = session;
  }

  onContinued({ session, timeUs, peer }: SessionContinuation): void {
    this.#headline(timeUs, `session ${session}${ofText(peer)} goes on over another connection`);
    this.#session = session;
  }

  onMessage(traced: TracedMessage): void {
    const { session, timeUs } = traced.packet;
    if (session !== this.#session) this.#headline(timeUs, `session ${session} again`);
    this.#session = session;
    this.#line(messageLine(traced, this.#palette));
  }

  onEnd({ session, timeUs, reason, mayGoOn }: SessionEnd): void {
    const what = mayGoOn ? 'has lost its connection' : 'has ended';
    const why = reason === undefined ? '' : `: ${this.#palette.error(escapeControls(reason))}`;
    this.#headline(timeUs, `session ${session} ${what}${why}`);
  }

  statistics(summary: TraceSummary): void {
    this.#line(statisticsText(summary));
  }

  #headline(timeUs: number, text: string): void {
    this.#line(`${this.#palette.dim(timeText(timeUs))} = ${text}`);
  }

  #line(text: string): void {
    this.#writer.writeText(`${text}\n`);
  }
}

/** One object per line, each with a `type`. */
export class JsonPrinter implements Printer {
  readonly #writer: BatchedWriter;

  constructor(writer: BatchedWriter) {
    this.#writer = writer;
  }

  onBegin({ timeUs, ...begin }: SessionBegin): void {
    this.#line(stringify({ type: 'begin', time: isoTime(timeUs), ...begin }));
  }

  onContinued({ timeUs, ...continuation }: SessionContinuation): void {
    this.#line(stringify({ type: 'continued', time: isoTime(timeUs), ...continuation }));
  }

  onMessage(traced: TracedMessage): void {
    this.#line(messageJson(traced));
  }

  onEnd({ timeUs, ...end }: SessionEnd): void {
    this.#line(stringify({ type: 'end', time: isoTime(timeUs), ...end }));
  }

  statistics(summary: TraceSummary): void {
    this.#line(stringify({ type: 'statistics', ...summary }));
  }

  #line(text: string): void {
    this.#writer.writeText(`${text}\n`);
  }
}

function ofText(peer: string | undefined): string {
  return peer === undefined ? '' : ` of ${escapeControls(peer)}`;
}
