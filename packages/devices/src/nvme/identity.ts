import { createHash } from 'node:crypto';

/**
 * PCI vendor and device. Drivers find NVMe controllers by class; these numbers are nobody's, so
 * that no driver applies the quirks of another controller (Linux has some for QEMU's 1b36:0010).
 */
export const VENDOR_ID = 0x1234;
export const DEVICE_ID = 0xd15c;
/** 8 characters. */
export const FIRMWARE_REVISION = '1.0     ';

/** What tells this controller from others. */
export interface ControllerIdentity {
  /** At most 20 ASCII characters. */
  readonly serial: string;
  /** At most 40 ASCII characters. */
  readonly model: string;
  /** Of the namespace; also makes the name of the subsystem. 16 bytes. */
  readonly uuid: Uint8Array;
}

/** The same serial and model give the same identifiers at every start. */
export function createIdentity(serial: string, model: string): ControllerIdentity {
  const uuid = createHash('sha256').update(`${model}\0${serial}`).digest().subarray(0, 16);
  // RFC 9562: version 8 (our own scheme), variant 10.
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80;
  return { serial, model, uuid };
}

/** The form with hyphens. */
export function uuidText(uuid: Uint8Array): string {
  const hex = Buffer.from(uuid).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
