import { z } from 'zod';
import { type Iova, normalizeIova } from '../../address.js';

/**
 * The integer types of the records. On the wire each is a MessagePack integer of any width; the
 * library that writes them takes a `number` of more than 32 bits for a float, so wider values are
 * handed to it as `bigint`.
 */

const MAX_UINT16 = 0xffff;
const MAX_UINT32 = 0xffff_ffff;
const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

export const uint16 = z.int().min(0).max(MAX_UINT16);
export const uint32 = z.int().min(0).max(MAX_UINT32);

function isUint64(value: unknown): value is Iova {
  if (typeof value === 'bigint') return value >= 0n && value <= MAX_UINT64;
  // The library's reader makes a number of 2^53 too, which is exact although it is no safe integer.
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 2 ** 53;
}

function toWire(value: Iova): Iova {
  return value <= MAX_UINT32 ? Number(value) : BigInt(value);
}

const wireUint64 = z
  .custom<Iova>(isUint64, 'expected an unsigned 64-bit integer')
  .meta({ type: 'integer', minimum: 0, format: 'uint64' });

const iova = z.custom<Iova>(isUint64);

/** An address or a length in the client's address space. */
export const uint64 = z.codec(wireUint64, iova, {
  decode: (value) => normalizeIova(BigInt(value)),
  encode: toWire,
});

/** A 64-bit value that may be any bit pattern. */
export const bits64 = z.codec(wireUint64, z.bigint(), {
  decode: (value) => BigInt(value),
  encode: toWire,
});

const wireSize = z
  .custom<Iova>(isUint64, 'expected an unsigned integer below 2^53')
  .meta({ type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/** A count, a length or an offset into a region: below 2^53. */
export const size = z.codec(wireSize, z.int().min(0), { decode: Number, encode: toWire });
