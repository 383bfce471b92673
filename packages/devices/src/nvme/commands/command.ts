import { type Iova, iovaFromHalves } from '@vfio-user/core';
import { COMMAND_BYTES, type SubmissionQueue } from '../queues/submission-queue.js';

const COMMAND_DWORDS = COMMAND_BYTES / 4;

/** Data transfer direction: bits 1:0 of an opcode (NVM Express 1.4, 4.2). */
export const DIRECTION = { NONE: 0, FROM_HOST: 1, TO_HOST: 2 } as const;

/** Format of the data pointer (PSDT). */
export const DATA_POINTER = { PRP: 0, SGL: 1, SGL_WITH_METADATA_SGL: 2, RESERVED: 3 } as const;

/**
 * A copy of a submission queue entry, as the guest may overwrite its queue while the command runs. One instance is
 * reused for all commands that complete at once.
 */
export class Command {
  readonly dwords = new Uint32Array(COMMAND_DWORDS);
  queue: SubmissionQueue;
  /** Bytes to transfer, set when the command has been checked. */
  dataLength = 0;
  /** Completion dword 0. */
  result = 0;

  constructor(queue: SubmissionQueue) {
    this.queue = queue;
  }

  /** Load the entry at `offset`. */
  load(queue: SubmissionQueue, entries: DataView, offset: number): void {
    this.queue = queue;
    this.dataLength = 0;
    this.result = 0;
    for (let index = 0; index < COMMAND_DWORDS; index++) {
      this.dwords[index] = entries.getUint32(offset + index * 4, true);
    }
  }

  /** A copy that stays valid after the turn. */
  clone(): Command {
    const copy = new Command(this.queue);
    copy.dwords.set(this.dwords);
    copy.dataLength = this.dataLength;
    copy.result = this.result;
    return copy;
  }

  dword(index: number): number {
    return this.dwords[index] as number;
  }

  get opcode(): number {
    return this.dword(0) & 0xff;
  }

  get direction(): number {
    return this.dword(0) & 3;
  }

  get fused(): number {
    return (this.dword(0) >>> 8) & 3;
  }

  /** One of {@link DATA_POINTER}. */
  get dataPointer(): number {
    return (this.dword(0) >>> 14) & 3;
  }

  get id(): number {
    return this.dword(0) >>> 16;
  }

  get namespaceId(): number {
    return this.dword(1);
  }

  /** PRP1, or the address of the first SGL descriptor. */
  get prp1(): Iova {
    return iovaFromHalves(this.dword(6), this.dword(7));
  }

  get prp2(): Iova {
    return iovaFromHalves(this.dword(8), this.dword(9));
  }
}
