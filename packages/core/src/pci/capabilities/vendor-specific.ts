import { CapabilityId } from '../constants.js';
import type { Capability } from './capability.js';
import { describeVendorData, type VendorData, vendorDataBytes } from './vendor-data.js';

/** Id, next and length. */
const HEADER_BYTES = 3;

/** A vendor-specific capability. There may be several. */
export function vendorSpecific(options: VendorData & { readonly offset?: number }): Capability {
  const bytes = vendorDataBytes('vendor-specific capability', options, 0xff - HEADER_BYTES);
  const length = HEADER_BYTES + bytes;
  return {
    id: CapabilityId.VENDOR_SPECIFIC,
    length,
    offset: options.offset,
    describe(registers, { offset }) {
      registers.ro8(offset + 2, length);
      describeVendorData(registers, offset + HEADER_BYTES, options);
    },
  };
}
