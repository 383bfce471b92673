import { ProtocolViolationError } from '@vfio-user/core';
import { packRecord, unpackRecord } from '@vfio-user/core/internal';
import * as z from 'zod';

/** A record on the connection: its length as an unsigned 32-bit little-endian number, then itself. */
const LENGTH_BYTES = 4;
const MAX_RECORD_BYTES = 4096;
const MAX_REASON_LENGTH = 1024;

/** The attachment of a side that supports RDMA: it understands the records below. */
const attachmentSchema = z.object({ rdma: z.literal(1) });

const uint16 = z.int().min(0).max(0xffff);
const uint24 = z.int().min(0).max(0xff_ffff);

const setupSchema = z.object({
  queuePair: uint24,
  packetSequence: uint24,
  gid: z.string().max(64),
  lid: uint16,
  mtuBytes: z.int().min(256).max(65_536),
  maxReads: z.int().min(0).max(256),
  slots: z.int().min(8).max(0xffff),
  slotBytes: z
    .int()
    .min(1024)
    .max(2 ** 20),
});

/** What a side needs to send to its peer: the queue pair, and its receive slots. */
export type PeerSetup = z.output<typeof setupSchema>;

const answerSchema = z.discriminatedUnion('rdma', [
  setupSchema.extend({ rdma: z.literal('offer') }),
  setupSchema.extend({ rdma: z.literal('accept') }),
  z.object({ rdma: z.literal('refuse'), reason: z.string() }),
]);

/** After the prefaces the client offers a queue pair; the server accepts with its own, or refuses. */
export type SetupRecord = z.output<typeof answerSchema>;

/** What to attach to a preface. */
export const ATTACHMENT: Uint8Array = packRecord({ rdma: 1 }).slice();

/** Whether the peer supports RDMA, by its attachment. */
export function offersRdma(attachment: Uint8Array | undefined): boolean {
  if (attachment === undefined) return false;
  return attachmentSchema.safeParse(unpack(attachment)).success;
}

/** A refusal, with the reason truncated to what a record takes. */
export function refusal(reason: string): SetupRecord {
  return { rdma: 'refuse', reason: reason.slice(0, MAX_REASON_LENGTH) };
}

/** A record with its length in front. */
export function encodeRecord(record: SetupRecord): Uint8Array {
  return withLength(packRecord(record));
}

/**
 * The record at the start of `bytes`, `undefined` when more bytes are needed.
 * @throws {ProtocolViolationError} when it is too long, or says something else.
 */
export function decodeRecord(bytes: Uint8Array): ParsedRecord<SetupRecord> | undefined {
  const record = takeRecord(bytes);
  if (record === undefined) return undefined;
  const parsed = answerSchema.safeParse(unpack(record.value));
  if (parsed.success) return { value: parsed.data, length: record.length };
  throw new ProtocolViolationError(`setting up RDMA: ${z.prettifyError(parsed.error)}`);
}

/** A parsed value, and its length in bytes. */
export interface ParsedRecord<T> {
  readonly value: T;
  readonly length: number;
}

/** Bytes with their length in front. */
export function withLength(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(LENGTH_BYTES + bytes.length);
  new DataView(whole.buffer).setUint32(0, bytes.length, true);
  whole.set(bytes, LENGTH_BYTES);
  return whole;
}

/** The reverse of {@link withLength}; `undefined` when more bytes are needed. */
export function takeRecord(bytes: Uint8Array): ParsedRecord<Uint8Array> | undefined {
  if (bytes.length < LENGTH_BYTES) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (length > MAX_RECORD_BYTES) {
    const text = `setting up RDMA: a record of ${length} bytes, the limit is ${MAX_RECORD_BYTES}`;
    throw new ProtocolViolationError(text);
  }
  const end = LENGTH_BYTES + length;
  if (bytes.length < end) return undefined;
  return { value: bytes.slice(LENGTH_BYTES, end), length: end };
}

function unpack(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return unpackRecord(bytes, view, 0, bytes.length);
}
