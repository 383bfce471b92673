import type { EncodingName } from '@vfio-user/core';
import { type Encoding, nativeEncodingFor, PortableEncoding } from '@vfio-user/core/internal';

/** The two ends of a session. */
export type RelaySide = 'client' | 'server';

export function otherSide(side: RelaySide): RelaySide {
  return side === 'client' ? 'server' : 'client';
}

/** A message or preface of a session, as it is traced and captured. */
export interface Packet {
  /** Microseconds since 1970. */
  readonly timeUs: number;
  /** Which session, counted from 1. */
  readonly session: number;
  readonly sender: RelaySide;
  readonly encoding: EncodingName;
  /** A preface comes before the first message of the portable encoding. */
  readonly kind: 'message' | 'preface';
  /** How many descriptors were passed with it. */
  readonly descriptors: number;
  /** Borrowed: valid until the callee returns. */
  readonly bytes: Uint8Array;
  /** Bytes on the wire; more than `bytes` has when a capture cut it off. */
  readonly length: number;
}

/**
 * Largest data of a message that is decoded or relayed: above what clients and servers negotiate
 * (1 MiB), and a bound for what a peer can make this process reserve.
 */
export const MAX_DATA_BYTES = 16 * 2 ** 20;

/** The encoding of that name, for messages with at most `maxDataXferSize` bytes of data. */
export function encodingNamed(name: EncodingName, maxDataXferSize: number): Encoding {
  if (name === 'native') return nativeEncodingFor(maxDataXferSize);
  return new PortableEncoding({ maxDataXferSize });
}
