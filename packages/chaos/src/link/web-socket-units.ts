import { END_OF_HTTP, http, portableFormat, viewOf } from './formats.js';
import { type Sought, UnitStream, type Units } from './units.js';

const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASK_BYTES = 4;
const IS_MASKED = 0x80;
const IS_CONTROL = 0x08;

/** The frames of the portable encoding within the messages of a WebSocket. */
export class WebSocketUnits implements Units {
  readonly #http = new UnitStream(() => http);
  /** The last bytes of HTTP so far. */
  #httpEnd: Uint8Array = new Uint8Array(0);
  readonly #frames = new UnitStream(portableFormat);
  #header: Uint8Array = new Uint8Array(0);
  /** Bytes of the present message that are missing. */
  #left = 0;
  #isControl = false;
  #mask: Uint8Array | undefined;
  #maskAt = 0;

  get found(): string | undefined {
    return this.#http.found ?? this.#frames.found;
  }

  seek(sought: Sought | undefined): void {
    this.#http.seek(sought);
    this.#frames.seek(sought);
  }

  push(bytes: Uint8Array): number | undefined {
    let at = 0;
    if (this.#http.count === 0) {
      at = this.#httpBytes(bytes);
      const cut = this.#http.push(bytes.subarray(0, at));
      if (cut !== undefined) return cut;
      // From here on there is no more of it.
      if (this.#http.count > 0) this.#http.seek(undefined);
    }
    while (at < bytes.length) {
      if (this.#left === 0) {
        at += this.#takeHeader(bytes.subarray(at));
        continue;
      }
      const part = bytes.subarray(at, at + this.#left);
      this.#left -= part.length;
      if (!this.#isControl) {
        const cut = this.#frames.push(this.#unmasked(part));
        if (cut !== undefined) return at + cut;
      }
      at += part.length;
    }
    return undefined;
  }

  /** How many bytes belong to HTTP. */
  #httpBytes(bytes: Uint8Array): number {
    const text = Buffer.concat([this.#httpEnd, bytes]);
    const end = text.indexOf(END_OF_HTTP);
    const before = this.#httpEnd.length;
    this.#httpEnd = text.subarray(-(END_OF_HTTP.length - 1));
    return end < 0 ? bytes.length : end + END_OF_HTTP.length - before;
  }

  /** @returns how many bytes it took. */
  #takeHeader(bytes: Uint8Array): number {
    const missing = headerBytes(this.#header) - this.#header.length;
    const taken = Math.min(missing, bytes.length);
    const header = Buffer.concat([this.#header, bytes.subarray(0, taken)]);
    this.#header = header;
    const length = headerBytes(header);
    if (header.length < length) return taken;
    this.#isControl = ((header[0] as number) & IS_CONTROL) !== 0;
    this.#left = payloadBytes(header);
    const isMasked = ((header[1] as number) & IS_MASKED) !== 0;
    this.#mask = isMasked ? header.subarray(length - MASK_BYTES) : undefined;
    this.#maskAt = 0;
    this.#header = new Uint8Array(0);
    return taken;
  }

  #unmasked(part: Uint8Array): Uint8Array {
    const mask = this.#mask;
    if (mask === undefined) return part;
    const plain = new Uint8Array(part.length);
    for (let i = 0; i < part.length; i++) {
      plain[i] = (part[i] as number) ^ (mask[(this.#maskAt + i) % MASK_BYTES] as number);
    }
    this.#maskAt = (this.#maskAt + part.length) % MASK_BYTES;
    return plain;
  }
}

/** Bytes of the header, as far as those that are there tell. */
function headerBytes(header: Uint8Array): number {
  const second = header[1];
  if (second === undefined) return 2;
  const short = second & ~IS_MASKED;
  const extended = short === LENGTH_16 ? 2 : short === LENGTH_64 ? 8 : 0;
  return 2 + extended + (second & IS_MASKED ? MASK_BYTES : 0);
}

function payloadBytes(header: Uint8Array): number {
  const short = (header[1] as number) & ~IS_MASKED;
  if (short === LENGTH_16) return viewOf(header).getUint16(2);
  if (short === LENGTH_64) return Number(viewOf(header).getBigUint64(2));
  return short;
}
