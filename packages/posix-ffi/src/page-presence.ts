import { arePresent, missingPage } from './guarded-copy.js';

export interface PresenceOptions {
  /** Where the memory starts in this process, at a page boundary. */
  readonly address: number;
  readonly bytes: number;
  /** Of the file system: huge pages are asked for as a whole. */
  readonly pageBytes: number;
  /** Somebody could make the file shorter: what was there may be gone in a later turn. */
  readonly mayVanish: boolean;
}

/**
 * Which pages of a mapping are known to be there. A page is asked for before it is touched for the
 * first time, since touching one that cannot be had kills the process. None is asked for earlier:
 * much of a guest's memory is never used.
 *
 * Where the file may become shorter, the last page that is known to be there is asked for again
 * once per turn of the event loop: those before it are there as long as it is.
 */
export class PagePresence {
  readonly #address: number;
  readonly #pageBytes: number;
  /** One bit per page. */
  readonly #known: Uint8Array;
  readonly #mayVanish: boolean;
  #last = -1;
  /** Nothing can have changed since the last look. */
  #isFresh: boolean;

  constructor({ address, bytes, pageBytes, mayVanish }: PresenceOptions) {
    this.#address = address;
    this.#pageBytes = pageBytes;
    this.#known = new Uint8Array(Math.ceil(bytes / pageBytes / 8));
    this.#mayVanish = mayVanish;
    this.#isFresh = !mayVanish;
  }

  /** @throws {SystemError} EFAULT when a page of `[offset, offset + length)` cannot be had. */
  require(offset: number, length: number): void {
    if (!this.#isFresh) this.#look();
    const first = Math.floor(offset / this.#pageBytes);
    const last = length === 0 ? first - 1 : Math.floor((offset + length - 1) / this.#pageBytes);
    for (let page = first; page <= last; page++) {
      if (this.#isKnown(page)) continue;
      this.#ask(page, last);
      return;
    }
  }

  #isKnown(page: number): boolean {
    return ((this.#known[page >>> 3] as number) & (1 << (page & 7))) !== 0;
  }

  #ask(first: number, last: number): void {
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
