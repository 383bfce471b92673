import { createHash } from 'node:crypto';

/**
 * PCI vendor and device. Drivers find NVMe controllers by class; these numbers are nobody's, so
 * that no driver applies the quirks of another controller (Linux has some for QEMU's 1b36:0010).
 */
export const VENDOR_ID = 0x1234;
export const DEVICE_ID = 0xd15c;
/** 8 characters. */
export const FIRMWARE_REVISION = '1.0     ';

/** Identity of the controller and its namespace. */
export interface ControllerIdentity {
  /** At most 20 ASCII characters. */
  readonly serial: string;
  /** At most 40 ASCII characters. */
  readonly model: string;
  /** Of the namespace: UUID and NGUID. 16 bytes. */
  readonly uuid: Uint8Array;
  /** Of the subsystem (SUBNQN). */
  readonly nqn: string;
}

/** Values left out are derived from the UUID. */
export function createIdentity(
  uuid: Uint8Array,
  given: {
    readonly model: string;
    readonly serial?: string | undefined;
    readonly nqn?: string | undefined;
  },
): ControllerIdentity {
  const {
    model,
    serial = Buffer.from(uuid).toString('hex').slice(0, 20),
    nqn = `${UUID_NQN}${uuidText(uuid)}`,
  } = given;
  return { serial, model, uuid, nqn };
}

/** A UUID derived from a name (RFC 9562, version 8). */
export function namedUuid(name: string): Uint8Array {
  const uuid = createHash('sha256').update(name).digest().subarray(0, 16);
  // RFC 9562: version 8 (our own scheme), variant 10.
  uuid[6] = ((uuid[6] as number) & 0x0f) | 0x80;
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80;
  return uuid;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The bytes of a UUID with hyphens, `undefined` if it is none, or the nil UUID, which means "none". */
export function parseUuid(text: string): Uint8Array | undefined {
  if (!UUID.test(text)) return undefined;
  const uuid = Buffer.from(text.replaceAll('-', ''), 'hex');
  return uuid.every((byte) => byte === 0) ? undefined : uuid;
}

/** The form with hyphens. */
export function uuidText(uuid: Uint8Array): string {
  const hex = Buffer.from(uuid).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Bytes, without the terminating NUL (NVM Express 1.4, 7.9). */
const MAX_NQN_BYTES = 223;
/** Begins a name that is made of a UUID. */
const UUID_NQN = 'nqn.2014-08.org.nvmexpress:uuid:';
/** A month in which a domain, written backwards, belonged to who chose the rest of the name. */
const DOMAIN_NQN = /^nqn\.\d{4}-(0[1-9]|1[0-2])\.[a-z0-9][a-z0-9.-]*:[^\p{Cc}]+$/u;

/** Whether it names a subsystem: one of the two formats of NVM Express 1.4, 7.9. */
export function isQualifiedName(nqn: string): boolean {
  if (Buffer.byteLength(nqn) > MAX_NQN_BYTES) return false;
  return nqn.startsWith(UUID_NQN)
    ? parseUuid(nqn.slice(UUID_NQN.length)) !== undefined
    : DOMAIN_NQN.test(nqn);
}
