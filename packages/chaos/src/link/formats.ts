import { commandName } from '@vfio-user/core';
import { LinkFrameKind, prefaceLength, unpackRecord } from '@vfio-user/core/internal';
import type { UnitFormat } from './units.js';

const PREFACE_HEADER_BYTES = 16;
const FRAME_HEADER_BYTES = 8;
/** A link frame has its kind behind the header. */
const KIND_BYTES = 4;

const linkFrameNames: ReadonlyMap<number, string> = new Map(
  Object.entries(LinkFrameKind).map(([name, kind]) => [kind, name]),
);

/** What a stream of the portable encoding begins with. */
const preface: UnitFormat = {
  headBytes: () => PREFACE_HEADER_BYTES,
  lengthOf: (head) => prefaceLength(head) ?? head.length,
  nameOf: () => 'preface',
};

/** Its frames. Those that share a name differ in what they mean, not in how they are framed. */
const frame: UnitFormat = {
  headBytes(head, isNamed) {
    if (!isNamed || head.length < FRAME_HEADER_BYTES) return FRAME_HEADER_BYTES;
    return FRAME_HEADER_BYTES + (viewOf(head).getUint32(4, true) || KIND_BYTES);
  },
  lengthOf: (head) => viewOf(head).getUint32(0, true),
  nameOf(head) {
    const view = viewOf(head);
    if (view.getUint32(4, true) === 0) {
      const kind = view.getUint32(FRAME_HEADER_BYTES, true);
      return linkFrameNames.get(kind) ?? `link frame ${kind}`;
    }
    const record = unpackRecord(head, view, FRAME_HEADER_BYTES, head.length);
    if (typeof record === 'string') return record;
    const name = commandName(record.command as number);
    return record.type === 'request' ? name : `${name} ${String(record.type)}`;
  },
};

/** The units of the portable encoding. */
export function portableFormat(unit: number): UnitFormat {
  return unit === 0 ? preface : frame;
}

const TLS_HEADER_BYTES = 5;
const TLS_DATA = 23;

const tlsRecord: UnitFormat = {
  headBytes: () => TLS_HEADER_BYTES,
  lengthOf: (head) => TLS_HEADER_BYTES + viewOf(head).getUint16(3),
  nameOf: ([type]) => (type === TLS_DATA ? 'TLS data' : 'TLS handshake'),
};

/** The records of TLS, whatever is in them. */
export function tlsFormat(): UnitFormat {
  return tlsRecord;
}

export const END_OF_HTTP = '\r\n\r\n';

/** The request or answer that a WebSocket begins with. */
export const http: UnitFormat = {
  headBytes: (head) => {
    const isComplete = Buffer.from(head).toString('latin1').endsWith(END_OF_HTTP);
    return isComplete ? head.length : head.length + 1;
  },
  lengthOf: (head) => head.length,
  nameOf: () => 'HTTP',
};

export function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
