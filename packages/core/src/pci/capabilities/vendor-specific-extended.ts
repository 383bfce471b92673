import { EXPRESS_CONFIG_BYTES, EXTENDED_CAPABILITIES, ExtendedCapabilityId } from '../constants.js';
import { checkField } from '../invalid.js';
import type { Capability } from './capability.js';
import { describeVendorData, type VendorData, vendorDataBytes } from './vendor-data.js';

/** The extended capability header, then VSEC id, revision and length. */
const HEADER_BYTES = 8;

export type VendorSpecificExtendedOptions = VendorData & {
  /** 16 bits, the vendor's own numbering. */
  readonly vsecId: number;
  /** 4 bits. Default: 0. */
  readonly revision?: number;
  readonly offset?: number;
};

/** A vendor-specific extended capability (VSEC). There may be several. */
export function vendorSpecificExtended(options: VendorSpecificExtendedOptions): Capability {
  const { vsecId, revision = 0, offset } = options;
  checkField('vsecId', vsecId, 0xffff);
  checkField('VSEC revision', revision, 0xf);
  const most = EXPRESS_CONFIG_BYTES - EXTENDED_CAPABILITIES - HEADER_BYTES;
  const length = HEADER_BYTES + vendorDataBytes(`VSEC ${vsecId}`, options, most);
  return {
    id: ExtendedCapabilityId.VENDOR_SPECIFIC,
    extended: true,
    length,
    offset,
    describe(registers, { offset: at }) {
      registers.ro16(at + 4, vsecId).ro16(at + 6, revision | (length << 4));
      describeVendorData(registers, at + HEADER_BYTES, options);
    },
  };
}
