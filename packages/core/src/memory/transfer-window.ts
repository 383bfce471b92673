/** A piece of a transfer on its way, as a {@link TransferWindow} remembers it. */
export interface PieceInFlight {
  readonly bytes: number;
  sentMs: number;
  /** Bytes that had been answered when it left. */
  answeredBefore: number;
  /** Bytes that were under way when it left. */
  ahead: number;
}

/** Under way before anything was measured, bytes. */
const FIRST_WINDOW = 512 * 1024;
/** Always allowed under way, bytes: 10 ms at 100 Mbit/s. */
const LEAST_WINDOW = 128 * 1024;
const LEAST_PIECE = 32 * 1024;
const PAGE = 4096;
/** A register access finds so many pieces under way, roughly. */
const PIECES = 4;
/** What may be under way beyond what fills the line: ms of its bandwidth, and parts of a round trip. */
const QUEUE_MS = 10;
const QUEUE_PARTS = 0.5;
/** How long a bandwidth counts, ms: once or twice that. */
const BANDWIDTH_MS = 1000;
/** The same of a round trip: at first it was measured behind transfers of our own. */
const FIRST_TRIP_MS = 300;
const TRIP_MS = 10_000;

/**
 * How much of one direction may be under way, so that it fills the line and yet a register access
 * that comes behind it waits for some milliseconds only. That is the line's bandwidth, the best of
 * the last second, times its round trip, the best of some seconds, and a little more.
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
  /** Something waited behind a piece of this period: it was as fast as it goes. */
  #isFull = false;
  /** Shortest round trip, ms, of this period and of the one before. */
  #trip = Number.POSITIVE_INFINITY;
  #tripBefore = Number.POSITIVE_INFINITY;
  #tripUntilMs: number;
  /** The line is emptied, to measure its round trip. */
  #drains = false;

  /** @param mostBytes whatever the line could take. @param now a clock, ms. */
  constructor(mostBytes: number, now: () => number = () => performance.now()) {
    this.#mostBytes = mostBytes;
    this.#now = now;
    this.#bandwidthSinceMs = now();
    this.#tripUntilMs = now() + FIRST_TRIP_MS;
  }

  /** Bytes under way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** How many bytes should be under way. */
  get bytes(): number {
    return Math.min(this.#mostBytes, this.#drains ? 0 : this.#window);
  }

  /** How large a piece should be at most, bytes: nothing gets between its bytes. */
  get pieceBytes(): number {
    const piece = this.#drains ? LEAST_PIECE : Math.max(LEAST_PIECE, this.#window / PIECES);
    return Math.min(this.#mostBytes, Math.floor(piece / PAGE) * PAGE);
  }

  /** Whether a piece may leave, the last of which may go beyond the window. One always may. */
  fits(bytes: number): boolean {
    if (this.#underWay === 0) return true;
    return this.#underWay < this.bytes && this.#underWay + bytes <= this.#mostBytes;
  }

  left(piece: PieceInFlight): void {
    piece.sentMs = this.#now();
    piece.answeredBefore = this.#answered;
    piece.ahead = this.#underWay;
    this.#underWay += piece.bytes;
  }

  /** It failed: that says nothing about the line. */
  failed(piece: PieceInFlight): void {
    this.#underWay -= piece.bytes;
  }

  /** @param more whether others wait to leave. */
  answered(piece: PieceInFlight, more: boolean): void {
    const now = this.#now();
    const trip = Math.max(now - piece.sentMs, 0.001);
    this.#underWay -= piece.bytes;
    this.#answered += piece.bytes;
    const bandwidth = (this.#answered - piece.answeredBefore) / trip;
    this.#bandwidth = Math.max(this.#bandwidth, bandwidth);
    this.#trip = Math.min(this.#trip, trip);
    if (more) this.#isFull = true;
    if (piece.ahead === 0) this.#drains = false;
    this.#resize();
    this.#forget(now);
  }

  #resize(): void {
    const bandwidth = Math.max(this.#bandwidth, this.#bandwidthBefore);
    const trip = Math.min(this.#trip, this.#tripBefore);
    const queue = Math.max(QUEUE_MS, trip * QUEUE_PARTS);
    // Little that was sent, with nothing behind it, tells nothing of what could be sent.
    const wasFull = this.#isFull || this.#bandwidthBefore > 0;
    const least = wasFull ? LEAST_WINDOW : FIRST_WINDOW;
    this.#window = Math.max(least, bandwidth * (trip + queue));
  }

  /** What was measured long ago is forgotten, as long as there is something new. */
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
