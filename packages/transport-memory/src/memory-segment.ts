import { type MappedMemory, type SharedMemory, VfioUserError } from '@vfio-user/core';
import { MemoryDescriptor } from './memory-descriptor.js';
import { MemoryHandle, type MemoryHandles } from './memory-handles.js';

/** Memory of this process that both ends of a connection can map: what a memfd is elsewhere. */
export class MemorySegment {
  readonly name: string;
  readonly bytes: Uint8Array;

  constructor(name: string, length: number) {
    this.name = name;
    this.bytes = new Uint8Array(length);
  }
}

export interface SegmentRange {
  /** Bytes from the start of the segment. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  readonly readable: boolean;
  readonly writable: boolean;
}

/**
 * A range of a segment. After {@link close} it reads zeros and ignores writes.
 *
 * Views are the one exemption from the contract of {@link MappedMemory}: both ends live on one
 * `ArrayBuffer`, and a language that cannot unmap has no way to take it from one of them only. A
 * view taken before `close` therefore still sees the segment. It is harmless as far as the process
 * goes, but it is not revoked.
 */
export class SegmentMapping extends MemoryHandle implements MappedMemory {
  readonly segment: MemorySegment;
  readonly length: number;
  readonly #range: SegmentRange;
  #bytes: Uint8Array | undefined;

  /** The caller has checked that the range lies inside the segment. */
  constructor(segment: MemorySegment, range: SegmentRange, handles: MemoryHandles) {
    super(handles);
    this.segment = segment;
    this.length = range.length;
    this.#range = range;
    this.#bytes = segment.bytes.subarray(range.offset, range.offset + range.length);
  }

  view(offset: number, length: number): Uint8Array {
    this.#check(offset, length);
    return this.#bytes?.subarray(offset, offset + length) ?? new Uint8Array(length);
  }

  read(offset: number, target: Uint8Array): void {
    this.#check(offset, target.length);
    if (!this.#range.readable) throw notAllowed(this.segment, 'read');
    if (this.#bytes === undefined) target.fill(0);
    else target.set(this.#bytes.subarray(offset, offset + target.length));
  }

  write(offset: number, source: Uint8Array): void {
    this.#check(offset, source.length);
    if (!this.#range.writable) throw notAllowed(this.segment, 'written');
    this.#bytes?.set(source, offset);
  }

  override close(): void {
    this.#bytes = undefined;
    super.close();
  }

  #check(offset: number, length: number): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.length) return;
    throw new RangeError(`[${offset}, +${length}) lies outside a mapping of ${this.length} bytes`);
  }
}

/** The mapping of the side that made the segment. */
export class SharedSegment extends SegmentMapping implements SharedMemory {
  constructor(name: string, length: number, handles: MemoryHandles) {
    const range = { offset: 0, length, readable: true, writable: true };
    super(new MemorySegment(name, length), range, handles);
  }

  descriptor(): MemoryDescriptor {
    return new MemoryDescriptor(this.segment, this.handles);
  }
}

function notAllowed({ name }: MemorySegment, what: string): VfioUserError {
  return new VfioUserError('VFU_SYSTEM_ERROR', `${name} is not mapped to be ${what}`);
}
