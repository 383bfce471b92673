import type { BatchedWriter } from '../batched-writer.js';
import type { TracedMessage } from '../decode/traced-message.js';
import type { Packet } from '../packet.js';
import type { TraceSink } from '../trace-sink.js';
import {
  DIRECTIONS,
  ENCODINGS,
  FILE_HEADER_BYTES,
  KINDS,
  LINK_TYPE,
  MAGIC_NANOSECONDS,
  PSEUDO_HEADER_BYTES,
  PSEUDO_HEADER_VERSION,
  RECORD_HEADER_BYTES,
  SNAPSHOT_BYTES,
  VERSION_MAJOR,
  VERSION_MINOR,
} from './format.js';

/** Captures prefaces and messages. Who the client is and why a session ended is not in a capture. */
export class CaptureWriter implements TraceSink {
  readonly #writer: BatchedWriter;

  /** @param writer of an empty file; the file's header is written at once. */
  constructor(writer: BatchedWriter) {
    this.#writer = writer;
    writer.write(encodeFileHeader());
  }

  onMessage({ packet }: TracedMessage): void {
    this.#writer.write(encodePacket(packet));
  }
}

/** The header of a capture file. */
export function encodeFileHeader(): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC_NANOSECONDS, true);
  view.setUint16(4, VERSION_MAJOR, true);
  view.setUint16(6, VERSION_MINOR, true);
  view.setUint32(16, SNAPSHOT_BYTES, true);
  view.setUint32(20, LINK_TYPE, true);
  return bytes;
}

/** The record of a packet in a capture file: a copy, cut off at 262,136 bytes. */
export function encodePacket(packet: Packet): Uint8Array {
  const held = Math.min(packet.bytes.length, SNAPSHOT_BYTES - PSEUDO_HEADER_BYTES);
  const start = RECORD_HEADER_BYTES + PSEUDO_HEADER_BYTES;
  const bytes = new Uint8Array(start + held);
  const view = new DataView(bytes.buffer);
  const seconds = Math.floor(packet.timeUs / 1e6);
  view.setUint32(0, seconds, true);
  view.setUint32(4, Math.floor((packet.timeUs - seconds * 1e6) * 1e3), true);
  view.setUint32(8, PSEUDO_HEADER_BYTES + held, true);
  view.setUint32(12, PSEUDO_HEADER_BYTES + packet.length, true);
  bytes[16] = PSEUDO_HEADER_VERSION;
  bytes[17] = DIRECTIONS.indexOf(packet.sender);
  bytes[18] = ENCODINGS.indexOf(packet.encoding);
  bytes[19] = KINDS.indexOf(packet.kind);
  view.setUint16(20, packet.session);
  view.setUint16(22, packet.descriptors);
  bytes.set(packet.bytes.subarray(0, held), start);
  return bytes;
}
