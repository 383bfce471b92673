import type { BlockAccess } from '../../device/access.js';
import { invalid } from '../invalid.js';
import type { RegisterSetBuilder } from '../register-set-builder.js';

/** The content of a vendor's capability: fixed bytes, or registers of the device. */
export type VendorData =
  | {
      readonly data: Uint8Array;
      /** Whether the driver may write it. Default: no. */
      readonly writable?: boolean;
    }
  | {
      /** Accesses after the header; offset 0 is the first byte after it. */
      readonly access: BlockAccess;
      /** Bytes. */
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
