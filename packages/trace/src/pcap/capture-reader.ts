import type { Packet } from '../packet.js';
import { CaptureFile } from './capture-file.js';
import {
  DIRECTIONS,
  ENCODINGS,
  FILE_HEADER_BYTES,
  KINDS,
  LINK_TYPE,
  MAGIC_MICROSECONDS,
  MAGIC_NANOSECONDS,
  MAGIC_PCAPNG,
  MAX_PACKET_BYTES,
  PSEUDO_HEADER_BYTES,
  PSEUDO_HEADER_VERSION,
  RECORD_HEADER_BYTES,
} from './format.js';

/** Byte order and resolution of a file's numbers. */
interface NumberFormat {
  readonly isLittleEndian: boolean;
  readonly subsecondsPerMicrosecond: number;
}

/**
 * The packets of a capture, one after the other, read synchronously. Captures that other programs
 * rewrote are read too: in either byte order, with times in nanoseconds or microseconds.
 * @throws {VfioUserError} naming what is wrong, and at which packet; those before it were returned.
 */
export function* readCapture(path: string): Generator<Packet, void> {
  const file = new CaptureFile(path);
  try {
    const format = readFormat(file);
    for (let number = 1; ; number += 1) {
      const header = file.read(RECORD_HEADER_BYTES);
      if (header.length === 0) return;
      const packet = readPacket(file, header, format);
      if (typeof packet === 'string') throw file.failure(`packet ${number}: ${packet}`);
      yield packet;
    }
  } finally {
    file.close();
  }
}

function readFormat(file: CaptureFile): NumberFormat {
  const header = file.read(FILE_HEADER_BYTES);
  const isWhole = header.length === FILE_HEADER_BYTES;
  const view = viewOf(header);
  for (const isLittleEndian of [true, false]) {
    const magic = header.length < 4 ? 0 : view.getUint32(0, isLittleEndian);
    if (magic === MAGIC_PCAPNG) {
      throw file.failure('a pcapng file; convert it with: editcap -F nsecpcap in.pcapng out.pcap');
    }
    if (magic !== MAGIC_NANOSECONDS && magic !== MAGIC_MICROSECONDS) continue;
    if (!isWhole)
      throw file.failure(`ends after ${header.length} of ${FILE_HEADER_BYTES} header bytes`);
    const linkType = view.getUint32(20, isLittleEndian) & 0xffff;
    if (linkType !== LINK_TYPE) {
      throw file.failure(
        `a capture of link type ${linkType}; \`vfio-user trace\` writes ${LINK_TYPE}`,
      );
    }
    const subsecondsPerMicrosecond = magic === MAGIC_NANOSECONDS ? 1000 : 1;
    return { isLittleEndian, subsecondsPerMicrosecond };
  }
  throw file.failure(header.length === 0 ? 'the file is empty' : 'no pcap file');
}

/** The packet behind `header`, or why there is none. */
function readPacket(file: CaptureFile, header: Uint8Array, format: NumberFormat): Packet | string {
  if (header.length < RECORD_HEADER_BYTES) return 'the file ends in the middle of its header';
  const { isLittleEndian, subsecondsPerMicrosecond } = format;
  const view = viewOf(header);
  const held = view.getUint32(8, isLittleEndian);
  const length = view.getUint32(12, isLittleEndian);
  if (held < PSEUDO_HEADER_BYTES || length < held) {
    return `holds ${held} bytes of ${length}, which is no packet of this program`;
  }
  if (length > PSEUDO_HEADER_BYTES + MAX_PACKET_BYTES) {
    return `has ${length} bytes, the limit is ${PSEUDO_HEADER_BYTES + MAX_PACKET_BYTES}`;
  }
  const body = file.read(held);
  if (body.length < held) return `the file ends after ${body.length} of its ${held} bytes`;
  const seconds = view.getUint32(0, isLittleEndian);
  const subseconds = view.getUint32(4, isLittleEndian);
  const timeUs = seconds * 1e6 + subseconds / subsecondsPerMicrosecond;
  return readPseudoHeader(body, timeUs, length - PSEUDO_HEADER_BYTES);
}

function readPseudoHeader(body: Uint8Array, timeUs: number, length: number): Packet | string {
  const [version, direction = 0xff, encodingNumber = 0xff, kindNumber = 0xff] = body;
  if (version !== PSEUDO_HEADER_VERSION) {
    return `has a pseudo-header of version ${version}, this program reads ${PSEUDO_HEADER_VERSION}`;
  }
  const sender = DIRECTIONS[direction];
  const encoding = ENCODINGS[encodingNumber];
  const kind = KINDS[kindNumber];
  if (sender === undefined || encoding === undefined || kind === undefined) {
    return `has an unknown direction, encoding or kind: ${direction}, ${encodingNumber}, ${kindNumber}`;
  }
  const view = viewOf(body);
  const bytes = body.subarray(PSEUDO_HEADER_BYTES);
  const session = view.getUint16(4);
  return { timeUs, session, sender, encoding, kind, descriptors: view.getUint16(6), bytes, length };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
