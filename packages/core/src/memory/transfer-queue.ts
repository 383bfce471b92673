import { ECANCELED } from '../errno.js';
import { DmaFaultError, RemoteError } from '../errors.js';
import type { Peer } from '../session/peer.js';
import type { DmaPiece, DmaTransfer } from './dma-transfer.js';
import type { DmaMapping } from './mapping.js';
import { TransferWindow } from './transfer-window.js';

export interface TransferQueueOptions {
  /** Most bytes in one message. */
  readonly maxPieceBytes: number;
  /** Most messages and bytes in flight, however fast the connection is. */
  readonly maxPieces: number;
  readonly maxBytes: number;
  /** Pieces carry data: send only as many as the connection has room for. */
  readonly waitsForRoom: boolean;
  /** A refused piece fails everything not yet sent, which was issued assuming success. */
  readonly endsOnRefusal: boolean;
  /** Whether something waits for all to be sent: then send as fast as the connection takes it. */
  flushes(): boolean;
}

/** Most bytes posted between two pieces: only pieces have answers, which tell how fast the line is. */
const MAX_POSTED_BYTES = 64 * 1024;

/** The transfers of one direction, cut into pieces and sent in order within the window. */
export class TransferQueue {
  readonly #peer: Peer;
  readonly #options: TransferQueueOptions;
  readonly #window: TransferWindow;
  #waiting: DmaTransfer[] = [];
  #pieces = 0;
  #pumping = false;
  #backedUp = false;
  /** Bytes posted since the last piece, whose answer says that they have arrived, too. */
  #posted = 0;

  constructor(peer: Peer, options: TransferQueueOptions) {
    this.#peer = peer;
    this.#options = options;
    this.#window = new TransferWindow(options.maxBytes);
  }

  add(transfer: DmaTransfer): void {
    this.#waiting.push(transfer);
    this.pump();
  }

  /** Whether so many bytes may be posted now, without a piece of their own. */
  mayPost(bytes: number): boolean {
    return (
      this.#waiting.length === 0 &&
      !this.#backedUp &&
      this.#posted + bytes <= MAX_POSTED_BYTES &&
      this.#window.fits(bytes)
    );
  }

  /** So many bytes were posted. */
  posted(bytes: number, roomLeft: boolean): void {
    this.#posted += bytes;
    if (!roomLeft) this.#waitForRoom();
  }

  /** Cancel transfers that are not completely sent. */
  drop(error: Error, mapping?: DmaMapping): void {
    const matches = (each: DmaTransfer): boolean =>
      mapping === undefined || each.mapping === mapping;
    const dropped = this.#waiting.filter(matches);
    this.#waiting = this.#waiting.filter((each) => !matches(each));
    for (const transfer of dropped) transfer.drop(error);
  }

  /** Send what may leave. */
  pump(): void {
    // When the connection is closed, a piece ends inside `send`, which calls this again.
    if (this.#pumping) return;
    this.#pumping = true;
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      this.#window.left(piece);
      const roomLeft = piece.send(this.#peer);
      if (!roomLeft && this.#options.waitsForRoom) this.#waitForRoom();
    }
    this.#pumping = false;
  }

  #next(): DmaPiece | undefined {
    const first = this.#waiting[0];
    if (first === undefined || this.#backedUp) return undefined;
    const { maxPieceBytes, maxPieces, flushes } = this.#options;
    const bytes = Math.min(first.bytesLeft, maxPieceBytes, this.#window.pieceBytes);
    const mayLeave = this.#pieces < maxPieces && this.#window.fits(bytes);
    if (!mayLeave && !flushes()) return undefined;
    const piece = first.cut(bytes, this.#onEnd);
    if (first.bytesLeft === 0) this.#waiting.shift();
    this.#pieces++;
    piece.postedBefore = this.#posted;
    this.#posted = 0;
    return piece;
  }

  readonly #onEnd = (piece: DmaPiece, error: Error | undefined): void => {
    this.#pieces--;
    if (error === undefined) this.#window.answered(piece, this.#waiting.length > 0);
    else {
      this.#window.failed(piece);
      if (this.#options.endsOnRefusal && error instanceof RemoteError) {
        this.drop(new DmaFaultError(ECANCELED, 'DMA: a write before it failed'));
      }
    }
    this.pump();
  };

  #waitForRoom(): void {
    this.#backedUp = true;
    void this.#peer.drained().then(() => {
      this.#backedUp = false;
      this.pump();
    });
  }
}
