import { randomBytes } from 'node:crypto';
import type { Encoding } from '../protocol/encoding.js';
import { nativeEncodingFor } from '../protocol/native/native-encoding.js';
import { MAX_PUSH_RULES } from '../protocol/portable/extension-codecs.js';
import { MAX_PUSH_BYTES, MAX_RECORD_BYTES, maxFrameBytes } from '../protocol/portable/framing.js';
import { PortableEncoding } from '../protocol/portable/portable-encoding.js';
import {
  PORTABLE_MAJOR,
  PORTABLE_MINOR,
  type Preface,
  SESSION_ID_BYTES,
} from '../protocol/portable/preface.js';
import { PrefaceHandshake } from '../protocol/portable/preface-handshake.js';
import type { Handshake } from '../transport/handshake.js';
import type { Connection, Framing } from '../transport/transport.js';
import type { EncodingName } from '../transport/uri.js';
import {
  commonExtensions,
  noExtensions,
  OWN_EXTENSIONS,
  type SessionExtensions,
} from './extensions.js';

/** Most one-way messages, and their bytes, without an acknowledgement. */
const WINDOW_MESSAGES = 4096;
const WINDOW_BYTES = 8 * 2 ** 20;

export interface EncodingOptions {
  /** Most bytes of data in one message. */
  readonly maxDataXferSize: number;
  /** Time without a frame after which the connection ends, ms; 0: never. */
  readonly silenceMs: number;
  /** The role of this side: a server chooses the session id. */
  readonly role: 'client' | 'server';
  /** A reconnecting client: the id of its lost session. */
  readonly lostSession?: Uint8Array | undefined;
}

/** The encoding of one connection, as negotiated. */
export interface NegotiatedEncoding {
  readonly encoding: Encoding;
  readonly extensions: SessionExtensions;
  /**
   * The peer's session id: on a client the new session, on a server the lost session of a
   * reconnecting client.
   */
  readonly peerSession?: Uint8Array | undefined;
}

/** A connection with its negotiated encoding. */
export interface NegotiatedConnection {
  readonly connection: Connection;
  readonly negotiated: NegotiatedEncoding;
}

/** How the encoding of the connections of one URI is negotiated. */
export interface EncodingNegotiation {
  readonly framing: Framing;
  /** Handshake at the start of each connection, if the encoding has one. */
  readonly handshake: ((attachment?: Uint8Array) => Handshake) | undefined;
  /** @param handshake the completed one of this connection. */
  open(handshake: Handshake | undefined): NegotiatedEncoding;
}

export function encodingNegotiation(
  name: EncodingName,
  options: EncodingOptions,
): EncodingNegotiation {
  return name === 'native' ? nativeNegotiation(options) : portableNegotiation(options);
}

function nativeNegotiation({ maxDataXferSize }: EncodingOptions): EncodingNegotiation {
  return {
    framing: nativeEncodingFor(maxDataXferSize).framing,
    handshake: undefined,
    open: () => ({ encoding: nativeEncodingFor(maxDataXferSize), extensions: noExtensions }),
  };
}

function portableNegotiation({
  maxDataXferSize,
  silenceMs,
  role,
  lostSession,
}: EncodingOptions): EncodingNegotiation {
  const own: Preface = {
    major: PORTABLE_MAJOR,
    minor: PORTABLE_MINOR,
    session: lostSession ?? new Uint8Array(SESSION_ID_BYTES),
    capabilities: OWN_EXTENSIONS,
    limits: {
      maxFrameBytes: maxFrameBytes(maxDataXferSize),
      maxRecordBytes: MAX_RECORD_BYTES,
      maxPushBytes: MAX_PUSH_BYTES,
      maxPushRules: MAX_PUSH_RULES,
      windowMessages: WINDOW_MESSAGES,
      windowBytes: WINDOW_BYTES,
      silenceMs,
    },
  };
  const session = (): Uint8Array =>
    role === 'server' ? randomBytes(SESSION_ID_BYTES) : own.session;
  return {
    framing: new PortableEncoding({ maxDataXferSize }).framing,
    handshake: (attachment) => new PrefaceHandshake({ ...own, session: session(), attachment }),
    open(handshake) {
      const peer = handshake instanceof PrefaceHandshake ? handshake.peer : undefined;
      return {
        encoding: new PortableEncoding({ maxDataXferSize }),
        extensions: peer === undefined ? noExtensions : commonExtensions(own, peer),
        peerSession: peer?.session.some((byte) => byte !== 0) ? peer.session.slice() : undefined,
      };
    },
  };
}
