import { advanceIova, type Iova, iovaText } from '../address.js';
import { ProtocolViolationError } from '../errors.js';
import { Command, commandName } from '../protocol/enums.js';
import type { ReplyMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { Requester } from '../session/request-table.js';
import type { DmaMapping } from './mapping.js';
import type { PieceInFlight } from './transfer-window.js';

export type DmaDirection = typeof Command.DMA_READ | typeof Command.DMA_WRITE;

/** Events of a transfer. */
export interface TransferListener {
  /** All of it was sent or cancelled. */
  onLeft(): void;
  /** All of it was answered or has failed. */
  onEnd(error: Error | undefined): void;
}

/** A transfer, which is cut into pieces as they can be sent. */
export class DmaTransfer {
  readonly direction: DmaDirection;
  readonly mapping: DmaMapping;
  readonly address: Iova;
  readonly data: Uint8Array;
  /** Settles when all of it was answered or has failed: `data` may be reused. */
  readonly ended: Promise<void>;
  readonly #listener: TransferListener | undefined;
  #resolve!: () => void;
  #reject!: (error: Error) => void;
  #cut = 0;
  #underWay = 0;
  #error: Error | undefined;

  constructor(
    direction: DmaDirection,
    mapping: DmaMapping,
    address: Iova,
    data: Uint8Array,
    listener?: TransferListener,
  ) {
    this.direction = direction;
    this.mapping = mapping;
    this.address = address;
    this.data = data;
    this.#listener = listener;
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Bytes not yet sent. */
  get bytesLeft(): number {
    return this.data.length - this.#cut;
  }

  /** Cut off the next piece. It is in flight until {@link pieceEnded}. */
  cut(bytes: number, onEnd: (piece: DmaPiece, error: Error | undefined) => void): DmaPiece {
    const start = this.#cut;
    this.#cut += bytes;
    this.#underWay++;
    // The common case of a small transfer: no copy of the view.
    if (bytes === this.data.length) return new DmaPiece(this, this.address, this.data, onEnd);
    const data = this.data.subarray(start, this.#cut);
    return new DmaPiece(this, advanceIova(this.address, start), data, onEnd);
  }

  /** A piece was handed to the connection. */
  pieceLeft(): void {
    if (this.bytesLeft === 0) this.#listener?.onLeft();
  }

  pieceEnded(error: Error | undefined): void {
    this.#error ??= error;
    this.#underWay--;
    this.#endIfOver();
  }

  /** Cancel what is not yet sent. */
  drop(error: Error): void {
    this.#error ??= error;
    this.#cut = this.data.length;
    this.#listener?.onLeft();
    this.#endIfOver();
  }

  #endIfOver(): void {
    if (this.bytesLeft > 0 || this.#underWay > 0) return;
    this.#listener?.onEnd(this.#error);
    if (this.#error === undefined) this.#resolve();
    else this.#reject(this.#error);
  }
}

/** A piece of a transfer: one message. */
export class DmaPiece implements Requester, PieceInFlight {
  readonly address: Iova;
  readonly data: Uint8Array;
  sentMs = 0;
  answeredBefore = 0;
  ahead = 0;
  /** Bytes that were posted since the last piece. */
  postedBefore = 0;
  readonly #transfer: DmaTransfer;
  readonly #onEnd: (piece: DmaPiece, error: Error | undefined) => void;

  /** @param onEnd called when it was answered or has failed. */
  constructor(
    transfer: DmaTransfer,
    address: Iova,
    data: Uint8Array,
    onEnd: (piece: DmaPiece, error: Error | undefined) => void,
  ) {
    this.#transfer = transfer;
    this.address = address;
    this.data = data;
    this.#onEnd = onEnd;
  }

  get bytes(): number {
    return this.postedBefore + this.data.length;
  }

  /** Returns `false` when the send queue is full now. */
  send(peer: Peer): boolean {
    const { address, data } = this;
    const { direction, mapping } = this.#transfer;
    const count = data.length;
    let roomLeft = true;
    try {
      roomLeft =
        direction === Command.DMA_READ
          ? peer.request(Command.DMA_READ, { address, count }, this, undefined, mapping)
          : peer.request(Command.DMA_WRITE, { address, count, data }, this, undefined, mapping);
    } catch (error) {
      this.onFailure(error as Error);
    }
    this.#transfer.pieceLeft();
    return roomLeft;
  }

  onReply(reply: ReplyMessage): void {
    this.#end(this.#accept(reply));
  }

  onFailure(error: Error): void {
    this.#end(error);
  }

  #end(error: Error | undefined): void {
    this.#transfer.pieceEnded(error);
    this.#onEnd(this, error);
  }

  #accept(reply: ReplyMessage): Error | undefined {
    if (reply.command === Command.DMA_READ) {
      if (!this.#matches(reply.body.address, reply.body.data.length)) return this.#mismatch();
      this.data.set(reply.body.data);
    } else if (reply.command === Command.DMA_WRITE && reply.body !== undefined) {
      if (!this.#matches(reply.body.address, reply.body.count)) return this.#mismatch();
    }
    return undefined;
  }

  #matches(address: Iova, count: number): boolean {
    return address === this.address && count === this.data.length;
  }

  #mismatch(): Error {
    const { direction } = this.#transfer;
    return new ProtocolViolationError(
      `the reply to ${commandName(direction)} of ${this.data.length} bytes at ${iovaText(this.address)} names another range`,
    );
  }
}
