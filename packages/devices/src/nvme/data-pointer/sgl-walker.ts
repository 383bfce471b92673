import { getIova, type Iova } from '@vfio-user/core';
import type { Command } from '../commands/command.js';
import { STATUS, type Status } from '../status.js';
import type { GuestBuffer } from './guest-buffer.js';
import { type DataPointerWalker, MAX_LIST_BYTES } from './walker.js';

const DESCRIPTOR_BYTES = 16;
/** Descriptors of one command at most, so that a chain without data ends. */
const MAX_DESCRIPTORS = MAX_LIST_BYTES / DESCRIPTOR_BYTES;

/** Bits 7:4 of the last byte of a descriptor; bits 3:0 are 0 for an address. */
const TYPE = { DATA_BLOCK: 0x00, SEGMENT: 0x20, LAST_SEGMENT: 0x30 } as const;

/** Scatter gather lists (NVM Express 1.4, 4.4) of data blocks and segments. */
export class SglWalker implements DataPointerWalker {
  listAddress: Iova = 0;
  listBytes = 0;
  #inLastSegment = false;
  #remaining = 0;
  #descriptors = 0;
  #buffer!: GuestBuffer; // set by begin(), before which feed() has no use

  begin(command: Command, buffer: GuestBuffer): Status {
    this.#buffer = buffer;
    this.#remaining = command.dataLength;
    this.#descriptors = 0;
    this.#inLastSegment = false;
    this.listBytes = 0;
    return this.#take(command.dword(9) >>> 24, command.prp1, command.dword(8), true);
  }

  feed(list: DataView): Status {
    const end = this.listBytes;
    this.listBytes = 0;
    for (let at = 0; at < end && this.#remaining > 0; at += DESCRIPTOR_BYTES) {
      const mayContinue = !this.#inLastSegment && at + DESCRIPTOR_BYTES === end;
      const type = list.getUint8(at + 15);
      const status = this.#take(type, getIova(list, at), list.getUint32(at + 8, true), mayContinue);
      if (status !== STATUS.SUCCESS) return status;
    }
    return this.#whenShort();
  }

  #take(type: number, address: Iova, length: number, mayContinue: boolean): Status {
    switch (type) {
      case TYPE.DATA_BLOCK: {
        const used = Math.min(length, this.#remaining);
        this.#buffer.add(address, used);
        this.#remaining -= used;
        // The descriptor in the command stands alone.
        return this.#descriptors === 0 ? this.#whenShort() : STATUS.SUCCESS;
      }
      case TYPE.SEGMENT:
      case TYPE.LAST_SEGMENT:
        if (!mayContinue || length === 0 || length % DESCRIPTOR_BYTES !== 0) {
          return STATUS.INVALID_SGL_SEGMENT_DESCRIPTOR;
        }
        this.#descriptors += length / DESCRIPTOR_BYTES;
        if (this.#descriptors > MAX_DESCRIPTORS) return STATUS.INVALID_NUMBER_OF_SGL_DESCRIPTORS;
        this.#inLastSegment = type === TYPE.LAST_SEGMENT;
        this.listAddress = address;
        this.listBytes = length;
        return STATUS.SUCCESS;
      default:
        return STATUS.SGL_DESCRIPTOR_TYPE_INVALID;
    }
  }

  #whenShort(): Status {
    const isShort = this.#remaining > 0 && this.listBytes === 0;
    return isShort ? STATUS.DATA_SGL_LENGTH_INVALID : STATUS.SUCCESS;
  }
}
