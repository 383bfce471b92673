import { randomBytes } from 'node:crypto';
import type { Encoding } from '../protocol/encoding.js';
import { nativeEncodingFor } from '../protocol/native/native-encoding.js';
import { MAX_PUSH_RULES } from '../protocol/portable/extension-codecs.js';
import { MAX_PUSH_BYTES, MAX_RECORD_BYTES, maxFrameBytes } from '../protocol/portable/framing.js';
import { PortableEncoding } from '../protocol/portable/portable-encoding.js';
import {
  ATTEMPT_BYTES,
  PORTABLE_MAJOR,
  PORTABLE_MINOR,
  type Preface,
  PrefaceCapability,
  SESSION_ID_BYTES,
} from '../protocol/portable/preface.js';
import { PrefaceHandshake } from '../protocol/portable/preface-handshake.js';
import type { Handshake } from '../transport/handshake.js';
import type { Connection, Framing, HandshakeOrigin } from '../transport/transport.js';
import type { EncodingName } from '../transport/uri.js';
import {
  commonExtensions,
  noExtensions,
  OWN_EXTENSIONS,
  type SessionExtensions,
} from './extensions.js';
import type { ResumableConnection } from './resumable-connection.js';
import type { ResumeOffer, SessionTable } from './session-table.js';

/** Most one-way messages, and their bytes, without an acknowledgement. */
const WINDOW_MESSAGES = 4096;
const WINDOW_BYTES = 8 * 2 ** 20;

interface CommonOptions {
  /** Most bytes of data in one message. */
  readonly maxDataXferSize: number;
  /** Time without a frame after which the connection ends, ms; 0: never. */
  readonly silenceMs: number;
}

export interface ClientEncodingOptions extends CommonOptions {
  readonly role: 'client';
  /** Whether the session may survive its connection. Default: true. */
  readonly resumes?: boolean | undefined;
  /** A reconnecting client: the id of its lost session, which is not continued. */
  readonly lostSession?: Uint8Array | undefined;
  /** The session to go on with. */
  readonly continues?: ResumableConnection | undefined;
}

export interface ServerEncodingOptions extends CommonOptions {
  readonly role: 'server';
  /** The sessions that clients can take up again; absent if none survives its connection. */
  readonly sessions?: SessionTable | undefined;
  /** How long they are kept without a connection, ms. */
  readonly holdMs?: number;
}

export type EncodingOptions = ClientEncodingOptions | ServerEncodingOptions;

/** A session that survives its connection. */
export interface Resumption {
  /** The session id; a secret. */
  readonly id: Uint8Array;
  /** How long the server keeps the session without a connection, ms. */
  readonly holdMs: number;
  /** Where the session goes on: number of its frames that the peer has handled. */
  readonly peerHandled: number | undefined;
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
  /** How long the server keeps sessions without a connection, of clients that want it, ms. */
  readonly serverHoldMs: number;
  /** Present if both sides can take up the session again. */
  readonly resumption?: Resumption | undefined;
}

/** A connection with its negotiated encoding. */
export interface NegotiatedConnection {
  readonly connection: Connection;
  readonly negotiated: NegotiatedEncoding;
  /** `connection`, if it is one that survives its link. */
  readonly session?: ResumableConnection | undefined;
}

/** How the encoding of the connections of one URI is negotiated. */
export interface EncodingNegotiation {
  readonly framing: Framing;
  /** Handshake at the start of each connection, if the encoding has one. */
  readonly handshake: ((origin?: HandshakeOrigin) => Handshake) | undefined;
  /** @param handshake the completed one of this connection. */
  open(handshake: Handshake | undefined): NegotiatedEncoding;
  /** The session that a server has offered to go on with in this handshake. */
  offered(handshake: Handshake | undefined): ResumeOffer | undefined;
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
    open: () => ({
      encoding: nativeEncodingFor(maxDataXferSize),
      extensions: noExtensions,
      serverHoldMs: 0,
    }),
    offered: () => undefined,
  };
}

function portableNegotiation(options: EncodingOptions): EncodingNegotiation {
  const { maxDataXferSize } = options;
  const offers = new WeakMap<Handshake, ResumeOffer>();
  return {
    framing: new PortableEncoding({ maxDataXferSize }).framing,
    handshake(origin = {}) {
      if (options.role === 'client') return new PrefaceHandshake(clientPreface(options, origin));
      const { sessions } = options;
      if (sessions === undefined) return new PrefaceHandshake(serverPreface(options, origin));
      const handshake: PrefaceHandshake = new PrefaceHandshake((peer) => {
        const offer = sessions.offer(peer, origin.identity);
        if (offer !== undefined) offers.set(handshake, offer);
        return serverPreface(options, origin, offer?.session);
      });
      return handshake;
    },
    open(handshake) {
      const { own, peer } = handshake instanceof PrefaceHandshake ? handshake : NO_PREFACES;
      const extensions =
        own === undefined || peer === undefined ? noExtensions : commonExtensions(own, peer);
      return {
        encoding: new PortableEncoding({ maxDataXferSize }),
        extensions,
        peerSession: peer?.session.some((byte) => byte !== 0) ? peer.session.slice() : undefined,
        serverHoldMs: holdMsOf(options.role === 'server' ? own : peer),
        ...(extensions.resumes && { resumption: resumptionOf(options, own, peer) }),
      };
    },
    offered: (handshake) => handshake && offers.get(handshake),
  };
}

const NO_PREFACES: { readonly own?: Preface; readonly peer?: Preface } = {};

function clientPreface(options: ClientEncodingOptions, { attachment }: HandshakeOrigin): Preface {
  const { resumes = true, continues, lostSession = new Uint8Array(SESSION_ID_BYTES) } = options;
  return {
    ...preface(options, resumes),
    session: continues?.id ?? lostSession,
    handled: continues?.handled,
    attempt: continues && randomBytes(ATTEMPT_BYTES),
    attachment,
  };
}

/** @param continues the session to go on with; a new one gets an id of its own. */
function serverPreface(
  options: ServerEncodingOptions,
  { attachment }: HandshakeOrigin,
  continues?: ResumableConnection,
): Preface {
  const { sessions, holdMs } = options;
  const common = preface(options, sessions !== undefined);
  return {
    ...common,
    limits: { ...common.limits, ...(sessions !== undefined && { holdMs }) },
    session: continues?.id ?? randomBytes(SESSION_ID_BYTES),
    handled: continues?.handled,
    attachment,
  };
}

function preface({ maxDataXferSize, silenceMs }: CommonOptions, resumes: boolean): Preface {
  return {
    major: PORTABLE_MAJOR,
    minor: PORTABLE_MINOR,
    session: new Uint8Array(SESSION_ID_BYTES),
    capabilities: resumes
      ? OWN_EXTENSIONS
      : OWN_EXTENSIONS.filter((name) => name !== PrefaceCapability.RESUME),
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
}

function resumptionOf(
  { role }: EncodingOptions,
  own: Preface | undefined,
  peer: Preface | undefined,
): Resumption | undefined {
  const server = role === 'server' ? own : peer;
  if (server === undefined || peer === undefined) return undefined;
  return { id: server.session, holdMs: holdMsOf(server), peerHandled: peer.handled };
}

/** How long a server keeps sessions without a connection, ms. */
function holdMsOf(server: Preface | undefined): number {
  if (server === undefined || server.minor < 1) return 0;
  return server.capabilities.includes(PrefaceCapability.RESUME) ? (server.limits.holdMs ?? 0) : 0;
}
