import { type Iova, iovaText } from '../address.js';
import type { ExposedRange } from '../transport/one-sided.js';
import type { MappedMemory } from '../transport/resources.js';
import { offsetInPage, PAGE_BYTES, pageOf } from './page.js';

/** A range to be mapped ("DMA_MAP"). */
export interface MappingRequest {
  /** Page-aligned. */
  readonly address: Iova;
  /** Bytes, a multiple of the page size. */
  readonly size: number;
  readonly readable: boolean;
  readonly writable: boolean;
  /** Start of the range in the attached file. */
  readonly fileOffset: bigint;
}

export interface DmaMappingInit extends MappingRequest {
  /** Absent when the client passed no descriptor: use DMA_READ and DMA_WRITE. */
  readonly memory: MappedMemory | undefined;
  /** Ranges that can be accessed by RDMA. */
  readonly exposed?: readonly ExposedRange[] | undefined;
}

/** A range of guest memory that the client mapped ("DMA_MAP"). */
export class DmaMapping {
  readonly address: Iova;
  readonly size: number;
  readonly firstPage: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly fileOffset: bigint;
  readonly memory: MappedMemory | undefined;
  readonly exposed: readonly ExposedRange[];
  /** Whether it is still mapped. */
  mapped = false;

  constructor(init: DmaMappingInit) {
    this.address = init.address;
    this.size = init.size;
    this.firstPage = pageOf(init.address);
    this.readable = init.readable;
    this.writable = init.writable;
    this.fileOffset = init.fileOffset;
    this.memory = init.memory;
    this.exposed = init.exposed ?? [];
  }

  /** Offset of an address from its start, bytes. */
  offsetOf(iova: Iova): number {
    return (pageOf(iova) - this.firstPage) * PAGE_BYTES + offsetInPage(iova);
  }

  get pages(): number {
    return this.size / PAGE_BYTES;
  }

  /**
   * Whether range, file offset and permissions are the same. Only the transport can compare the
   * files.
   */
  matches(request: MappingRequest): boolean {
    return (
      this.address === request.address &&
      this.size === request.size &&
      this.readable === request.readable &&
      this.writable === request.writable &&
      this.fileOffset === request.fileOffset
    );
  }

  /** For logs and error texts: `[0x1000, +0x2000) rw`. */
  toString(): string {
    const rights = `${this.readable ? 'r' : '-'}${this.writable ? 'w' : '-'}`;
    return `[${iovaText(this.address)}, +0x${this.size.toString(16)}) ${rights}`;
  }
}
