/** Deepest nesting of maps and arrays. The records of today need five. */
const MAX_DEPTH = 8;

/** Scans the subset of MessagePack that records use. Each step returns whether to go on. */
class RecordScan {
  readonly #view: DataView;
  readonly #end: number;
  #at: number;
  fault: string | undefined;

  constructor(view: DataView, start: number, end: number) {
    this.#view = view;
    this.#at = start;
    this.#end = end;
  }

  record(): boolean {
    const format = this.#peek();
    if (format >> 4 !== 0x8 && format !== 0xde && format !== 0xdf) {
      return this.#refuse('it is no map');
    }
    if (!this.#value(1)) return false;
    const behind = this.#end - this.#at;
    return behind === 0 || this.#refuse(`${behind} bytes lie behind it`);
  }

  #refuse(fault: string): false {
    this.fault = fault;
    return false;
  }

  #value(depth: number): boolean {
    const format = this.#peek();
    if (!this.#skip(1)) return false;
    if (format <= 0x7f || format >= 0xe0) return true;
    if (format <= 0x8f) return this.#map(format & 0xf, depth);
    if (format <= 0x9f) return this.#array(format & 0xf, depth);
    if (format <= 0xbf) return this.#skip(format & 0x1f);
    switch (format) {
      case 0xc0: // nil
      case 0xc2: // false
      case 0xc3: // true
        return true;
      case 0xc4: // bin 8
      case 0xd9: // str 8
        return this.#skip(this.#length(1));
      case 0xc5: // bin 16
      case 0xda: // str 16
        return this.#skip(this.#length(2));
      case 0xc6: // bin 32
      case 0xdb: // str 32
        return this.#skip(this.#length(4));
      case 0xcc: // uint 8
      case 0xd0: // int 8
        return this.#skip(1);
      case 0xcd: // uint 16
      case 0xd1: // int 16
        return this.#skip(2);
      case 0xce: // uint 32
      case 0xd2: // int 32
        return this.#skip(4);
      case 0xcf: // uint 64
      case 0xd3: // int 64
        return this.#skip(8);
      case 0xdc: // array 16
        return this.#array(this.#length(2), depth);
      case 0xdd: // array 32
        return this.#array(this.#length(4), depth);
      case 0xde: // map 16
        return this.#map(this.#length(2), depth);
      case 0xdf: // map 32
        return this.#map(this.#length(4), depth);
      default:
        // Floats, extension types, and the format that is never used.
        return this.#refuse(`format 0x${format.toString(16)} is not used in records`);
    }
  }

  #array(count: number, depth: number): boolean {
    if (depth > MAX_DEPTH) return this.#refuse(`it nests more than ${MAX_DEPTH} deep`);
    for (let i = 0; i < count; i++) {
      if (!this.#value(depth + 1)) return false;
    }
    return true;
  }

  #map(count: number, depth: number): boolean {
    if (depth > MAX_DEPTH) return this.#refuse(`it nests more than ${MAX_DEPTH} deep`);
    for (let i = 0; i < count; i++) {
      const format = this.#peek();
      const isString = format >> 5 === 5 || (format >= 0xd9 && format <= 0xdb);
      if (!isString && this.#at < this.#end) return this.#refuse('a key of a map is no string');
      if (!this.#value(depth + 1) || !this.#value(depth + 1)) return false;
    }
    return true;
  }

  /** The next byte; 0 behind the end. */
  #peek(): number {
    return this.#at < this.#end ? this.#view.getUint8(this.#at) : 0;
  }

  /** A big-endian length of 1, 2 or 4 bytes; an excessive one when truncated. */
  #length(bytes: 1 | 2 | 4): number {
    const at = this.#at;
    if (!this.#skip(bytes)) return Number.POSITIVE_INFINITY;
    if (bytes === 1) return this.#view.getUint8(at);
    return bytes === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #skip(count: number): boolean {
    if (count > this.#end - this.#at) return this.#refuse('it is cut short');
    this.#at += count;
    return true;
  }
}

/**
 * Why the bytes `[start, end)` are no record, `undefined` when they are one: a single MessagePack
 * map with string keys, of bounded depth, without floats and extension types. The library decodes
 * more than that, and allocates for lengths before it has seen the elements.
 */
export function recordFault(view: DataView, start: number, end: number): string | undefined {
  const scan = new RecordScan(view, start, end);
  scan.record();
  return scan.fault;
}
