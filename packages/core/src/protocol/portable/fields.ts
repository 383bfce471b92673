import * as z from 'zod';
import { type Iova, normalizeIova } from '../../address.js';

/**
 * The integer types of the records. On the wire each is a MessagePack integer of any width that
 * holds the value; here they become what the message bodies have.
 */

export const MAX_UINT16 = 0xffff;
export const MAX_UINT32 = 0xffff_ffff;
const MAX_UINT64 = 0xffff_ffff_ffff_ffffn;

export const uint16 = z.int().min(0).max(MAX_UINT16);
export const uint32 = z.int().min(0).max(MAX_UINT32);

/** A count, a length or an offset into a region: below 2^53. */
export const size = z.int().min(0);

function isUint64(value: unknown): value is Iova {
  if (typeof value === 'bigint') return value >= 0n && value <= MAX_UINT64;
  // The library also decodes 2^53 as a number, which is exact although not a safe integer.
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 2 ** 53;
}

const any64 = z
  .custom<Iova>(isUint64, 'expected an unsigned 64-bit integer')
  .meta({ type: 'integer', minimum: 0, format: 'uint64' });

/** An address or a length in the client's address space. */
export const uint64 = any64.transform((value) => normalizeIova(BigInt(value)));

/** A 64-bit value that may be any bit pattern. */
export const bits64 = any64.transform((value) => BigInt(value));
