import { ExtendedCapabilityId } from '../constants.js';
import { invalid } from '../invalid.js';
import type { Capability } from './capability.js';

/** The device serial number extended capability: an EUI-64 as one 64-bit number. */
export function deviceSerialNumber(serial: bigint, offset?: number): Capability {
  if (serial !== BigInt.asUintN(64, serial)) invalid(`serial number ${serial} is not 64-bit`);
  return {
    id: ExtendedCapabilityId.DEVICE_SERIAL_NUMBER,
    extended: true,
    length: 12,
    offset,
    describe(registers, { offset: at }) {
      registers.ro32(at + 4, Number(serial & 0xffff_ffffn)).ro32(at + 8, Number(serial >> 32n));
    },
  };
}
