/** `value` in hexadecimal with at least `digits` digits and no prefix, as PCI ids are written. */
export function hex(value: number | bigint, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/**
 * Configuration space as read from a device, little-endian. What lies past its end reads as
 * all-ones, as it does on a bus, so a broken capability list cannot make the decoder throw.
 */
export class ConfigBytes {
  readonly length: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  u8(offset: number): number {
    return this.#bytes[offset] ?? 0xff;
  }

  u16(offset: number): number {
    return this.u8(offset) | (this.u8(offset + 1) << 8);
  }

  u32(offset: number): number {
    return (this.u16(offset) | (this.u16(offset + 2) << 16)) >>> 0;
  }

  u64(offset: number): bigint {
    return (BigInt(this.u32(offset + 4)) << 32n) | BigInt(this.u32(offset));
  }
}
