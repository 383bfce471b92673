import type { EncodingName } from '@vfio-user/core';
import { type Encoding, nativeEncodingFor, PortableEncoding } from '@vfio-user/core/internal';

/** The two ends of a session that is passed through. */
export type RelaySide = 'client' | 'server';

/** Something that one side of a session said, as it is traced and saved. */
export interface Packet {
  /** Microseconds since 1970. */
  readonly timeUs: number;
  /** Which session, counted from 1. */
  readonly session: number;
  readonly sender: RelaySide;
  readonly encoding: EncodingName;
  /** A preface comes before the first message of the portable encoding. */
  readonly kind: 'message' | 'preface';
  /** How many descriptors came along. */
  readonly descriptors: number;
  /** Borrowed: valid until whoever is handed the packet returns. */
  readonly bytes: Uint8Array;
  /** Bytes that it had on the wire: more than `bytes` where a file does not hold all of it. */
  readonly length: number;
}

/**
 * Most bytes of data in one message that a trace takes: above what clients and servers negotiate
 * (1 MiB), and a bound for what a peer can make this process reserve.
 */
export const MAX_DATA_BYTES = 16 * 2 ** 20;

/** The encoding of that name, for messages with at most `maxDataXferSize` bytes of data. */
export function encodingNamed(name: EncodingName, maxDataXferSize: number): Encoding {
  if (name === 'native') return nativeEncodingFor(maxDataXferSize);
  return new PortableEncoding({ maxDataXferSize });
}
