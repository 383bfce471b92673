import { type Framing, ProtocolViolationError } from '@vfio-user/core';

const MAGIC = 0x5445_5354;
const HEADER_BYTES = 16;
const MAY_CARRY_DESCRIPTORS = 1;

/** The smallest frame: a header alone. */
export const SMALLEST_FRAME_BYTES = HEADER_BYTES;

/** A framing of the suite's own, so that no transport gets by with knowing vfio-user's. */
export class TestFraming implements Framing {
  readonly headerBytes = HEADER_BYTES;
  readonly #maxFrameBytes: number;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  frameLength(view: DataView, offset: number): number {
    if (view.getUint32(offset) !== MAGIC) throw new ProtocolViolationError('no test frame');
    const length = view.getUint32(offset + 4);
    if (length < HEADER_BYTES || length > this.#maxFrameBytes) {
      throw new ProtocolViolationError(`a test frame of ${length} bytes`);
    }
    return length;
  }

  mayCarryDescriptors(view: DataView, offset: number): boolean {
    return view.getUint32(offset + 12) === MAY_CARRY_DESCRIPTORS;
  }
}

/** A frame whose content tells its number. */
export function testFrame(
  sequence: number,
  length: number,
  carriesDescriptors = false,
): Uint8Array {
  const bytes = new Uint8Array(length);
  fillPattern(bytes, sequence);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, length);
  view.setUint32(8, sequence);
  view.setUint32(12, carriesDescriptors ? MAY_CARRY_DESCRIPTORS : 0);
  return bytes;
}

export function sequenceOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(8);
}

/** Whether it is frame `sequence`, whole and unchanged. */
export function isTestFrame(bytes: Uint8Array, sequence: number, length: number): boolean {
  if (bytes.length !== length || sequenceOf(bytes) !== sequence) return false;
  const expected = testFrame(sequence, length).subarray(HEADER_BYTES);
  return Buffer.compare(bytes.subarray(HEADER_BYTES), expected) === 0;
}

/** Bytes that differ from place to place, and from `seed` to `seed`. */
export function fillPattern(bytes: Uint8Array, seed: number): void {
  let state = (seed * 2_654_435_761 + 12_345) >>> 0;
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
}
