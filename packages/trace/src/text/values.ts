/** Bytes of data shown at most. */
const SHOWN_BYTES = 16;

/** Bytes of an undecodable message shown at most. */
const SHOWN_RAW_BYTES = 128;

/** 1, 2, 4 or 8 bytes as a little-endian number, anything else as bytes. */
export function dataText(data: Uint8Array): string {
  if (data.length !== 1 && data.length !== 2 && data.length !== 4 && data.length !== 8) {
    return bytesText(data, SHOWN_BYTES);
  }
  let digits = '';
  for (const byte of data) digits = byte.toString(16).padStart(2, '0') + digits;
  return `0x${digits}`;
}

/** An undecodable message as bytes. */
export function rawText(bytes: Uint8Array): string {
  return bytesText(bytes, SHOWN_RAW_BYTES);
}

function bytesText(bytes: Uint8Array, limit: number): string {
  const shown = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, limit));
  const text = shown.toString('hex').replace(/..(?=.)/g, '$& ');
  return bytes.length > limit ? `${text} ... +${bytes.length - limit}` : text;
}

/** The names of the bits that are set, joined by `|`, then the unnamed rest in hexadecimal; `0` for none. */
export function flagsText(value: number, names: Readonly<Record<string, number>>): string {
  let rest = value;
  const found: string[] = [];
  for (const [name, bit] of Object.entries(names)) {
    if ((value & bit) === 0) continue;
    found.push(name);
    rest &= ~bit;
  }
  if (rest !== 0) found.push(hexText(rest >>> 0));
  return found.length === 0 ? '0' : found.join('|');
}

export function hexText(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** Text of a peer with its control characters escaped, so that it cannot drive a terminal. */
export function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** `12µs`, `3.4ms`, `2.50s`: at most six characters. */
export function durationText(us: number): string {
  if (us < 9.95) return `${us.toFixed(1)}µs`;
  if (us < 999.5) return `${us.toFixed(0)}µs`;
  if (us < 99_950) return `${(us / 1e3).toFixed(1)}ms`;
  if (us < 999_500) return `${(us / 1e3).toFixed(0)}ms`;
  return `${(us / 1e6).toFixed(2)}s`;
}

/** The local time of day, with microseconds. */
export function timeText(timeUs: number): string {
  const date = new Date(timeUs / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const micros = String(Math.floor(timeUs % 1e6)).padStart(6, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micros}`;
}
