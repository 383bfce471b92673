/** Colours for the parts of a line. */
export interface Palette {
  dim(text: string): string;
  request(text: string): string;
  reply(text: string): string;
  register(text: string): string;
  value(text: string): string;
  error(text: string): string;
}

function same(text: string): string {
  return text;
}

/** No colours: for files, pipes, and where NO_COLOR is set. */
export const plain: Palette = {
  dim: same,
  request: same,
  reply: same,
  register: same,
  value: same,
  error: same,
};

function ansi(code: number): (text: string) => string {
  return (text) => `\x1b[${code}m${text}\x1b[0m`;
}

/** ANSI colours, for terminals. */
export const coloured: Palette = {
  dim: ansi(90),
  request: ansi(36),
  reply: ansi(32),
  register: ansi(33),
  value: ansi(1),
  error: ansi(31),
};

/** `coloured` on a terminal, unless NO_COLOR is set and not empty (https://no-color.org). */
export function choosePalette(isTerminal: boolean, noColor: string | undefined): Palette {
  return isTerminal && (noColor ?? '') === '' ? coloured : plain;
}
