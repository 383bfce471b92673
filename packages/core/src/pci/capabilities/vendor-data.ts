import type { BlockAccess } from '../../device/access.js';
import { invalid } from '../invalid.js';
import type { RegisterSetBuilder } from '../register-set-builder.js';

/** What follows the header of a vendor's own capability: fixed bytes, or the device's registers. */
export type VendorData =
  | {
      readonly data: Uint8Array;
      /** The driver may write it. Default: no. */
      readonly writable?: boolean;
    }
  | {
      /** Answers for the bytes behind the header; offset 0 is the first of them. */
      readonly access: BlockAccess;
      /** How many there are. */
      readonly size: number;
    };

/** Length of vendor data, bytes, checked against what fits. */
export function vendorDataBytes(name: string, content: VendorData, max: number): number {
  const size = 'access' in content ? content.size : content.data.length;
  if (!Number.isInteger(size) || size < 0 || size > max) {
    invalid(`${name} has ${size} bytes of data, at most ${max} fit`);
  }
  return size;
}

/** Describe vendor data that starts at `offset`. */
export function describeVendorData(
  registers: RegisterSetBuilder,
  offset: number,
  content: VendorData,
): void {
  if ('access' in content) registers.window(offset, content.size, content.access);
  else if (content.writable === true) registers.rwBytes(offset, content.data);
  else registers.roBytes(offset, content.data);
}
