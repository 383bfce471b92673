/** Types of records, and of what is in them (RFC 8446, section 5.1). */
export const ContentType = {
  ALERT: 21,
  HANDSHAKE: 22,
  APPLICATION_DATA: 23,
} as const;

/** Types of handshake messages that may follow the handshake (section 4). */
export const HandshakeType = { NEW_SESSION_TICKET: 4, KEY_UPDATE: 24 } as const;

/** Descriptions of alerts that are sent (section 6). */
export const AlertDescription = {
  CLOSE_NOTIFY: 0,
  UNEXPECTED_MESSAGE: 10,
  BAD_RECORD_MAC: 20,
  RECORD_OVERFLOW: 22,
  ILLEGAL_PARAMETER: 47,
  DECODE_ERROR: 50,
  USER_CANCELED: 90,
} as const;

export const RECORD_HEADER_BYTES = 5;
/** Largest content of a record. */
export const MAX_CONTENT_BYTES = 0x4000;
/** Largest record behind its header: content, its type and padding, encrypted. */
export const MAX_ENCRYPTED_BYTES = MAX_CONTENT_BYTES + 256;

/** The peer broke the rules of TLS. */
export class TlsViolation extends Error {
  override readonly name = 'TlsViolation';
  /** What the peer is told. */
  readonly alert: number;

  constructor(message: string, alert: number) {
    super(message);
    this.alert = alert;
  }
}

/** Length of the encrypted part of the record whose header is at `start`. */
export function encryptedLength(bytes: Uint8Array, start: number): number {
  return ((bytes[start + 3] as number) << 8) | (bytes[start + 4] as number);
}

/** Write the header of an encrypted record. */
export function writeRecordHeader(bytes: Uint8Array, start: number, length: number): void {
  bytes[start] = ContentType.APPLICATION_DATA;
  // The version that TLS 1.3 says for 1.2, for the sake of what is in between.
  bytes[start + 1] = 3;
  bytes[start + 2] = 3;
  bytes[start + 3] = length >> 8;
  bytes[start + 4] = length & 0xff;
}
