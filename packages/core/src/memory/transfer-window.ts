/** A piece in flight, as a {@link TransferWindow} sees it. */
export interface PieceInFlight {
  readonly bytes: number;
  sentMs: number;
  /** Bytes answered before it was sent. */
  answeredBefore: number;
  /** Bytes in flight when it was sent. */
  ahead: number;
}

/** Window before the first measurement, bytes. */
const FIRST_WINDOW = 512 * 1024;
/** Smallest window, bytes: 10 ms at 100 Mbit/s. */
const LEAST_WINDOW = 128 * 1024;
const LEAST_PIECE = 32 * 1024;
const PAGE = 4096;
/** Roughly the number of pieces ahead of a register access. */
const PIECES = 4;
/** In flight beyond the bandwidth-delay product: ms of bandwidth, and parts of a round trip. */
const QUEUE_MS = 10;
const QUEUE_PARTS = 0.5;
/** How long a measured bandwidth counts, ms: once or twice that. */
const BANDWIDTH_MS = 1000;
/** The same for a round trip; short at first, when it was measured behind transfers of our own. */
const FIRST_TRIP_MS = 300;
const TRIP_MS = 10_000;
/** Time without an answer after which the connection counts as interrupted: ms, and round trips. */
const GAP_MS = 1000;
const GAP_TRIPS = 4;

/**
 * Window of one direction, which fills the connection while a register access behind it waits for a
 * few milliseconds only: the bandwidth (the best of the last second) times the round trip (the best
 * of some seconds), and a little more.
 */
export class TransferWindow {
  readonly #mostBytes: number;
  readonly #now: () => number;
  #underWay = 0;
  #answered = 0;
  #window = FIRST_WINDOW;
  /** Best bandwidth, bytes per ms, of this period and of the one before. */
  #bandwidth = 0;
  #bandwidthBefore = 0;
  #bandwidthSinceMs: number;
  /** Whether a piece of this period had another waiting behind it: the full bandwidth was used. */
  #isFull = false;
  /** Shortest round trip, ms, of this period and of the one before. */
  #trip = Number.POSITIVE_INFINITY;
  #tripBefore = Number.POSITIVE_INFINITY;
  #tripUntilMs: number;
  /** When an answer was received last, or the first piece in flight was sent. */
  #progressMs = 0;
  /** End of the last interruption: pieces sent before are no measurement. */
  #gapEndMs = Number.NEGATIVE_INFINITY;
  /** Whether something was measured since. Otherwise the connection is slow, not interrupted. */
  #hasMeasured = false;
  /**
   * The connection is being drained until a piece leaves that has next to nothing ahead of it, to
   * measure the round trip. Something small is never held up by that: it may be what a client waits
   * for before it answers anything else.
   */
  #drains = false;

  /**
   * @param mostBytes upper limit of the window.
   * @param now a clock, ms.
   */
  constructor(mostBytes: number, now: () => number = () => performance.now()) {
    this.#mostBytes = mostBytes;
    this.#now = now;
    this.#bandwidthSinceMs = now();
    this.#tripUntilMs = now() + FIRST_TRIP_MS;
  }

  /** Bytes in flight. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Size of the window, bytes. */
  get bytes(): number {
    return Math.min(this.#mostBytes, this.#drains ? LEAST_PIECE : this.#window);
  }

  /** Largest piece, bytes: nothing can be sent between its bytes. */
  get pieceBytes(): number {
    const piece = this.#drains ? LEAST_PIECE : Math.max(LEAST_PIECE, this.#window / PIECES);
    return Math.min(this.#mostBytes, Math.floor(piece / PAGE) * PAGE);
  }

  /** Whether a piece may be sent; the last one may exceed the window, and one always may. */
  fits(bytes: number): boolean {
    if (this.#underWay === 0) return true;
    return this.#underWay < this.bytes && this.#underWay + bytes <= this.#mostBytes;
  }

  left(piece: PieceInFlight): void {
    piece.sentMs = this.#now();
    piece.answeredBefore = this.#answered;
    piece.ahead = this.#underWay;
    if (this.#underWay === 0) this.#progressMs = piece.sentMs;
    if (this.#underWay < LEAST_PIECE) this.#drains = false;
    this.#underWay += piece.bytes;
  }

  /** It failed: no measurement. */
  failed(piece: PieceInFlight): void {
    this.#underWay -= piece.bytes;
  }

  /** @param more whether more pieces wait to be sent. */
  answered(piece: PieceInFlight, more: boolean): void {
    const now = this.#now();
    this.#underWay -= piece.bytes;
    this.#answered += piece.bytes;
    this.#progress(now);
    if (piece.sentMs >= this.#gapEndMs) this.#measure(piece, now);
    if (more) this.#isFull = true;
    this.#resize();
    this.#forget(now);
  }

  /** Something is answered: notice an interruption, for which the clock of measurements stops. */
  #progress(now: number): void {
    const gapMs = now - this.#progressMs;
    this.#progressMs = now;
    if (!this.#hasMeasured) return;
    if (gapMs <= Math.max(GAP_MS, GAP_TRIPS * Math.min(this.#trip, this.#tripBefore))) return;
    this.#gapEndMs = now;
    this.#hasMeasured = false;
    this.#bandwidthSinceMs += gapMs;
    this.#tripUntilMs += gapMs;
  }

  #measure(piece: PieceInFlight, now: number): void {
    const trip = Math.max(now - piece.sentMs, 0.001);
    const bandwidth = (this.#answered - piece.answeredBefore) / trip;
    this.#bandwidth = Math.max(this.#bandwidth, bandwidth);
    this.#trip = Math.min(this.#trip, trip);
    this.#hasMeasured = true;
  }

  #resize(): void {
    const bandwidth = Math.max(this.#bandwidth, this.#bandwidthBefore);
    const trip = Math.min(this.#trip, this.#tripBefore);
    const queue = Math.max(QUEUE_MS, trip * QUEUE_PARTS);
    // A small transfer with nothing behind it does not show the bandwidth.
    const wasFull = this.#isFull || this.#bandwidthBefore > 0;
    const least = wasFull ? LEAST_WINDOW : FIRST_WINDOW;
    this.#window = Math.max(least, bandwidth * (trip + queue));
  }

  /** Old measurements are dropped once there are new ones. */
  #forget(now: number): void {
    const trip = Math.min(this.#trip, this.#tripBefore);
    if (this.#isFull && now - this.#bandwidthSinceMs > Math.max(BANDWIDTH_MS, PIECES * trip)) {
      this.#bandwidthBefore = this.#bandwidth;
      this.#bandwidth = 0;
      this.#bandwidthSinceMs = now;
      this.#isFull = false;
    }
    if (now < this.#tripUntilMs) return;
    this.#tripBefore = this.#trip;
    this.#trip = Number.POSITIVE_INFINITY;
    this.#tripUntilMs = now + TRIP_MS;
    this.#drains = true;
  }
}
