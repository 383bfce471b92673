import { getIova, type Iova } from '@vfio-user/core';
import type { Command } from '../commands/command.js';
import { MIN_PAGE_BYTES } from '../registers.js';
import { STATUS, type Status } from '../status.js';
import type { GuestBuffer } from './guest-buffer.js';
import type { DataPointerWalker } from './walker.js';

const ENTRY_BYTES = 8;

/** Physical region pages (NVM Express 1.4, 4.3): PRP1, then PRP2 or the lists it points to. */
export class PrpWalker implements DataPointerWalker {
  /** CC.MPS. */
  pageBytes = MIN_PAGE_BYTES;
  listAddress: Iova = 0;
  listBytes = 0;
  #remaining = 0;
  #buffer!: GuestBuffer; // set by begin(), before which feed() has no use

  begin(command: Command, buffer: GuestBuffer): Status {
    const { prp1, prp2, dataLength } = command;
    this.#buffer = buffer;
    this.listBytes = 0;
    const offset = this.#offsetInPage(prp1);
    if (offset % 4 !== 0) return STATUS.PRP_OFFSET_INVALID;
    const first = Math.min(this.pageBytes - offset, dataLength);
    buffer.add(prp1, first);
    this.#remaining = dataLength - first;
    if (this.#remaining === 0) return STATUS.SUCCESS;
    if (this.#remaining <= this.pageBytes) return this.#addPage(prp2);
    if (this.#offsetInPage(prp2) % ENTRY_BYTES !== 0) return STATUS.PRP_OFFSET_INVALID;
    this.#wantList(prp2);
    return STATUS.SUCCESS;
  }

  feed(list: DataView): Status {
    const entries = this.listBytes / ENTRY_BYTES;
    const isChained = this.#pagesLeft() > entries;
    const pages = isChained ? entries - 1 : entries;
    this.listBytes = 0;
    for (let index = 0; index < pages; index++) {
      const status = this.#addPage(getIova(list, index * ENTRY_BYTES));
      if (status !== STATUS.SUCCESS) return status;
    }
    if (!isChained) return STATUS.SUCCESS;
    // The last entry of a full page continues the list, at the start of another page: so every
    // list but the first holds at least one page of data and the walk ends.
    const next = getIova(list, pages * ENTRY_BYTES);
    if (this.#offsetInPage(next) !== 0) return STATUS.PRP_OFFSET_INVALID;
    this.#wantList(next);
    return STATUS.SUCCESS;
  }

  #addPage(address: Iova): Status {
    if (this.#offsetInPage(address) !== 0) return STATUS.PRP_OFFSET_INVALID;
    const length = Math.min(this.pageBytes, this.#remaining);
    this.#buffer.add(address, length);
    this.#remaining -= length;
    return STATUS.SUCCESS;
  }

  #wantList(address: Iova): void {
    const toPageEnd = this.pageBytes - this.#offsetInPage(address);
    this.listAddress = address;
    // Far below MAX_LIST_BYTES: MDTS allows 128 pages.
    this.listBytes = Math.min(toPageEnd, this.#pagesLeft() * ENTRY_BYTES);
  }

  #pagesLeft(): number {
    return Math.ceil(this.#remaining / this.pageBytes);
  }

  #offsetInPage(address: Iova): number {
    if (typeof address === 'number')
      return address - Math.floor(address / this.pageBytes) * this.pageBytes;
    return Number(address % BigInt(this.pageBytes));
  }
}
