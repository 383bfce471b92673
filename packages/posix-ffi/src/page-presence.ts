import { arePresent, missingPage } from './guarded-copy.js';

export interface PresenceOptions {
  /** Where the memory starts in this process, at a page boundary. */
  readonly address: number;
  readonly bytes: number;
  /** Page size of the file system: huge pages are populated as a whole. */
  readonly pageBytes: number;
  /** The file could shrink: pages may become unavailable in a later turn. */
  readonly mayVanish: boolean;
}

/**
 * Keeps track of available pages of a mapping. A page is populated before it is touched for the
 * first time, since touching an unavailable page kills the process. None is populated earlier: much
 * of a guest's memory is never used.
 *
 * If the file can shrink, the last available page is checked again once per turn of the event loop:
 * while it is available, so are those before it.
 */
export class PagePresence {
  readonly #address: number;
  readonly #pageBytes: number;
  /** One bit per page. */
  readonly #known: Uint8Array;
  readonly #mayVanish: boolean;
  #last = -1;
  /** Checked in this turn of the event loop. */
  #isFresh: boolean;

  constructor({ address, bytes, pageBytes, mayVanish }: PresenceOptions) {
    this.#address = address;
    this.#pageBytes = pageBytes;
    this.#known = new Uint8Array(Math.ceil(bytes / pageBytes / 8));
    this.#mayVanish = mayVanish;
    this.#isFresh = !mayVanish;
  }

  /** @throws {SystemError} EFAULT when a page of `[offset, offset + length)` is unavailable. */
  require(offset: number, length: number): void {
    if (!this.#isFresh) this.#look();
    const first = Math.floor(offset / this.#pageBytes);
    const last = length === 0 ? first - 1 : Math.floor((offset + length - 1) / this.#pageBytes);
    for (let page = first; page <= last; page++) {
      if (this.#isKnown(page)) continue;
      this.#populate(page, last);
      return;
    }
  }

  #isKnown(page: number): boolean {
    return ((this.#known[page >>> 3] as number) & (1 << (page & 7))) !== 0;
  }

  #populate(first: number, last: number): void {
    const count = last - first + 1;
    if (!arePresent(this.#address + first * this.#pageBytes, count, this.#pageBytes)) {
      throw missingPage();
    }
    for (let page = first; page <= last; page++) {
      this.#known[page >>> 3] = (this.#known[page >>> 3] as number) | (1 << (page & 7));
    }
    this.#last = Math.max(this.#last, last);
  }

  #look(): void {
    this.#isFresh = true;
    queueMicrotask(this.#endTurn);
    if (this.#last < 0) return;
    const address = this.#address + this.#last * this.#pageBytes;
    if (arePresent(address, 1, this.#pageBytes)) return;
    this.#known.fill(0);
    this.#last = -1;
  }

  readonly #endTurn = (): void => {
    this.#isFresh = !this.#mayVanish;
  };
}
