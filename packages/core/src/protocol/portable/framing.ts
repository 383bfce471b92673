import { ProtocolViolationError } from '../../errors.js';
import type { Framing } from '../../transport/transport.js';
import { DEFAULT_MAX_DATA_XFER_SIZE } from '../constants.js';

/**
 * Every frame starts with two unsigned 32-bit little-endian numbers: at 0 the bytes of the whole
 * frame, these eight included, at 4 the bytes of the record. The record follows, then the data.
 */
export const FRAME_HEADER_BYTES = 8;
const RECORD_BYTES = 4;

/** Largest record, bytes. Twice what the largest message of the schemas needs. */
export const MAX_RECORD_BYTES = 0x1_0000;

/** Most bytes of pushed memory that one REGION_WRITE may bring. */
export const MAX_PUSH_BYTES = 0x1_0000;

export interface PortableFramingOptions {
  /** Most bytes of data in one message. Limits what a peer can make the receiver allocate. */
  readonly maxDataXferSize?: number;
}

/** The largest frame of a side that takes `maxDataXferSize` bytes of data in a message. */
export function maxFrameBytes(maxDataXferSize: number): number {
  return FRAME_HEADER_BYTES + MAX_RECORD_BYTES + maxDataXferSize + MAX_PUSH_BYTES;
}

/** Bytes of the record of the frame that starts at `start`. */
export function recordLength(view: DataView, start: number): number {
  return view.getUint32(start + RECORD_BYTES, true);
}

/** Write a header at the start of `view`. */
export function writeFrameHeader(view: DataView, frameBytes: number, recordBytes: number): void {
  view.setUint32(0, frameBytes, true);
  view.setUint32(RECORD_BYTES, recordBytes, true);
}

/** Cuts a byte stream into frames by their header. */
export class PortableFraming implements Framing {
  readonly headerBytes = FRAME_HEADER_BYTES;
  readonly #maxFrameBytes: number;

  constructor({ maxDataXferSize = DEFAULT_MAX_DATA_XFER_SIZE }: PortableFramingOptions = {}) {
    this.#maxFrameBytes = maxFrameBytes(maxDataXferSize);
  }

  frameLength(view: DataView, offset: number): number {
    const length = view.getUint32(offset, true);
    if (length < FRAME_HEADER_BYTES || length > this.#maxFrameBytes) {
      throw new ProtocolViolationError(
        `a frame of ${length} bytes, allowed are ${FRAME_HEADER_BYTES} to ${this.#maxFrameBytes}`,
      );
    }
    const record = recordLength(view, offset);
    if (record > MAX_RECORD_BYTES || record > length - FRAME_HEADER_BYTES) {
      throw new ProtocolViolationError(
        `a record of ${record} bytes in a frame of ${length}, the limit is ${MAX_RECORD_BYTES}`,
      );
    }
    return length;
  }

  /** No message of this encoding has a descriptor. */
  mayCarryDescriptors(): boolean {
    return false;
  }
}
