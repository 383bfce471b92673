import * as z from 'zod';
import { ProtocolViolationError } from '../../errors.js';
import { size, uint32 } from './fields.js';
import { issuesText } from './message-schemas.js';
import { describeMismatch } from './preface-mismatch.js';
import { packRecord, unpackRecord } from './record-packing.js';

/** 0x89 "VFU" CR LF 0x1a LF: not text, and altered by anything that treats the stream as text. */
const MAGIC = Uint8Array.of(0x89, 0x56, 0x46, 0x55, 0x0d, 0x0a, 0x1a, 0x0a);

/** The magic, then little-endian: major u16 at 8, minor u16 at 10, bytes of the map u32 at 12. */
const MAJOR = 8;
const MINOR = 10;
const MAP_BYTES = 12;
export const PREFACE_HEADER_BYTES = 16;

/** Bytes needed to recognise other protocols: a TLS alert has no more. */
const TELLING_BYTES = 7;

/** Largest map, bytes: limits what is read from an unknown peer. */
const MAX_MAP_BYTES = 4096;

/** The version of the portable encoding, which is not that of vfio-user. */
export const PORTABLE_MAJOR = 1;
export const PORTABLE_MINOR = 1;

export const SESSION_ID_BYTES = 16;

/** Bytes that tell one attempt to go on with a session from another. */
export const ATTEMPT_BYTES = 8;

/** Names of the capabilities beyond the messages of vfio-user. */
export const PrefaceCapability = {
  INTERRUPT: 'interrupt',
  DOORBELL: 'doorbell',
  KEEP_ALIVE: 'keep-alive',
  ACKNOWLEDGE: 'acknowledge',
  PUSH: 'push',
  RESUME: 'resume',
  POSTED_DMA: 'posted-dma',
} as const;

const MAX_CAPABILITIES = 64;
const MAX_CAPABILITY_LENGTH = 64;

const limitsSchema = z.object({
  maxFrameBytes: uint32.min(PREFACE_HEADER_BYTES),
  maxRecordBytes: uint32,
  maxPushBytes: uint32,
  maxPushRules: uint32,
  windowMessages: size,
  windowBytes: size,
  silenceMs: uint32,
  holdMs: uint32.optional(),
});

/** Most bytes that a transport may attach. */
export const MAX_ATTACHMENT_BYTES = 1024;

function bytesOf(length: number) {
  return z
    .custom<Uint8Array>(
      (value) => value instanceof Uint8Array && value.length === length,
      `expected ${length} bytes`,
    )
    .meta({ description: `MessagePack bin of ${length} bytes` });
}

/** The map of a preface. */
export const prefaceSchema = z.object({
  session: bytesOf(SESSION_ID_BYTES),
  handled: size.optional(),
  attempt: bytesOf(ATTEMPT_BYTES).optional(),
  capabilities: z.array(z.string().max(MAX_CAPABILITY_LENGTH)).max(MAX_CAPABILITIES),
  limits: limitsSchema,
  attachment: z
    .custom<Uint8Array>(
      (value) => value instanceof Uint8Array && value.length <= MAX_ATTACHMENT_BYTES,
      `expected at most ${MAX_ATTACHMENT_BYTES} bytes`,
    )
    .meta({ description: `MessagePack bin of at most ${MAX_ATTACHMENT_BYTES} bytes` })
    .optional(),
});

/** What the sender of a preface accepts. */
export interface PrefaceLimits {
  /** Largest frame, header included. */
  readonly maxFrameBytes: number;
  /** Largest record. */
  readonly maxRecordBytes: number;
  /** Most bytes of pushed memory with one REGION_WRITE; 0: none. */
  readonly maxPushBytes: number;
  /** Most rules of a PUSH_RULES. */
  readonly maxPushRules: number;
  /** Most one-way messages it has not acknowledged; 0: any number, it does not acknowledge. */
  readonly windowMessages: number;
  /** Most bytes of frames it has not acknowledged; 0: any number. */
  readonly windowBytes: number;
  /** Time without a frame after which it ends the connection, ms; 0: never. */
  readonly silenceMs: number;
  /** A server that names `resume`: how long it keeps a session without a connection, ms. */
  readonly holdMs?: number | undefined;
}

/** Exchanged before the first frame. */
export interface Preface {
  readonly major: number;
  readonly minor: number;
  /** The session id given by the server; zeros from a client that begins a new session. */
  readonly session: Uint8Array;
  /** Where a session goes on: number of its frames that the sender has handled. */
  readonly handled?: number | undefined;
  /** From a client that goes on with a session: random, so that this preface counts only once. */
  readonly attempt?: Uint8Array | undefined;
  /** Capabilities beyond the messages of vfio-user. Unknown ones are ignored. */
  readonly capabilities: readonly string[];
  readonly limits: PrefaceLimits;
  /** Data of the transport for its peer. */
  readonly attachment?: Uint8Array | undefined;
}

/** The bytes of a preface. */
export function encodePreface(preface: Preface): Uint8Array {
  const { session, handled, attempt, capabilities, limits, attachment } = preface;
  const bytes = withMap(MAGIC, {
    session,
    ...(handled !== undefined && { handled }),
    ...(attempt && { attempt }),
    capabilities,
    limits,
    ...(attachment && { attachment }),
  });
  const view = new DataView(bytes.buffer);
  view.setUint16(MAJOR, preface.major, true);
  view.setUint16(MINOR, preface.minor, true);
  return bytes;
}

/**
 * A preface ({@link prefaceLength}) to be forwarded on another connection, without the attachment,
 * which only concerns the transport of its own. Everything else in the map stays, known or not.
 */
export function withoutAttachment(preface: Uint8Array): Uint8Array {
  const view = new DataView(preface.buffer, preface.byteOffset, preface.length);
  const map = unpackRecord(preface, view, PREFACE_HEADER_BYTES, preface.length);
  if (typeof map === 'string' || map.attachment === undefined) return preface;
  const { attachment: _left, ...rest } = map;
  return withMap(preface.subarray(0, PREFACE_HEADER_BYTES), rest);
}

/** A copy of a preface to be shown or stored: zeros in place of the session id, which is a secret. */
export function withoutSessionId(preface: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(preface);
  if (copy.length <= PREFACE_HEADER_BYTES) return copy;
  const view = new DataView(copy.buffer);
  const map = unpackRecord(copy, view, PREFACE_HEADER_BYTES, copy.length);
  const session = typeof map === 'string' ? undefined : map.session;
  // It borrows from the copy. Where it cannot be found it may be anywhere.
  if (session instanceof Uint8Array) session.fill(0);
  else copy.fill(0, PREFACE_HEADER_BYTES);
  return copy;
}

function withMap(header: Uint8Array, map: Readonly<Record<string, unknown>>): Uint8Array {
  const packed = packRecord(map);
  const bytes = new Uint8Array(PREFACE_HEADER_BYTES + packed.length);
  bytes.set(header);
  new DataView(bytes.buffer).setUint32(MAP_BYTES, packed.length, true);
  bytes.set(packed, PREFACE_HEADER_BYTES);
  return bytes;
}

/**
 * Length of the preface at the start of `bytes`, `undefined` while it is incomplete.
 * @throws {ProtocolViolationError} when it is no preface, or one of another major version.
 */
export function prefaceLength(bytes: Uint8Array): number | undefined {
  const start = bytes.subarray(0, MAGIC.length);
  if (bytes.length >= TELLING_BYTES && start.some((byte, i) => byte !== MAGIC[i])) {
    throw new ProtocolViolationError(describeMismatch(bytes.subarray(0, PREFACE_HEADER_BYTES)));
  }
  if (bytes.length < PREFACE_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const major = view.getUint16(MAJOR, true);
  if (major !== PORTABLE_MAJOR) {
    const theirs = `${major}.${view.getUint16(MINOR, true)}`;
    throw new ProtocolViolationError(
      `the peer speaks version ${theirs} of the portable encoding, this side ${PORTABLE_MAJOR}.${PORTABLE_MINOR}: update the older one`,
    );
  }
  const mapBytes = view.getUint32(MAP_BYTES, true);
  if (mapBytes > MAX_MAP_BYTES) {
    throw new ProtocolViolationError(
      `a preface with a map of ${mapBytes} bytes, the limit is ${MAX_MAP_BYTES}`,
    );
  }
  return PREFACE_HEADER_BYTES + mapBytes;
}

/**
 * Decode a complete preface ({@link prefaceLength}). `minor` is the lesser of the peer's and ours.
 * @throws {ProtocolViolationError} naming what is wrong with it.
 */
export function decodePreface(bytes: Uint8Array): Preface {
  const length = prefaceLength(bytes);
  if (length !== bytes.length) {
    throw new ProtocolViolationError(
      `a preface of ${length ?? 'at least 16'} bytes in ${bytes.length}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const map = unpackRecord(bytes, view, PREFACE_HEADER_BYTES, length);
  if (typeof map === 'string') throw new ProtocolViolationError(`preface: ${map}`);
  const parsed = prefaceSchema.safeParse(map);
  if (!parsed.success) {
    throw new ProtocolViolationError(`preface: ${issuesText(parsed.error)}`);
  }
  const { session, handled, attempt, capabilities, limits, attachment } = parsed.data;
  return {
    major: PORTABLE_MAJOR,
    minor: Math.min(view.getUint16(MINOR, true), PORTABLE_MINOR),
    session: Uint8Array.from(session),
    ...(handled !== undefined && { handled }),
    ...(attempt && { attempt: Uint8Array.from(attempt) }),
    capabilities,
    limits,
    ...(attachment && { attachment: Uint8Array.from(attachment) }),
  };
}
