import { type Iova, iovaText } from '../address.js';
import type { DmaMapping } from '../dma/mapping.js';
import { ProtocolViolationError } from '../errors.js';
import { Command, commandName } from '../protocol/constants.js';
import type { ReplyMessage } from '../protocol/messages.js';
import type { Peer } from './peer.js';
import type { Requester } from './request-table.js';

export type DmaDirection = typeof Command.DMA_READ | typeof Command.DMA_WRITE;

/** A whole transfer: settles once every chunk has ended, so its buffer is free again then. */
export class DmaTransfer {
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  #open: number;
  #error: Error | undefined;

  constructor(chunks: number, resolve: () => void, reject: (error: Error) => void) {
    this.#open = chunks;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  chunkEnded(error: Error | undefined): void {
    this.#error ??= error;
    if (--this.#open > 0) return;
    if (this.#error === undefined) this.#resolve();
    else this.#reject(this.#error);
  }
}

/** A piece of a transfer, small enough for one message. */
export class DmaChunk implements Requester {
  readonly direction: DmaDirection;
  readonly mapping: DmaMapping;
  readonly address: Iova;
  readonly data: Uint8Array;
  readonly #transfer: DmaTransfer;
  readonly #onEnd: () => void;
  readonly #onLeave: (() => void) | undefined;

  /** @param onEnd it left and was answered or given up. @param onLeave it left or was dropped. */
  constructor(
    direction: DmaDirection,
    mapping: DmaMapping,
    address: Iova,
    data: Uint8Array,
    transfer: DmaTransfer,
    onEnd: () => void,
    onLeave?: () => void,
  ) {
    this.direction = direction;
    this.mapping = mapping;
    this.address = address;
    this.data = data;
    this.#transfer = transfer;
    this.#onEnd = onEnd;
    this.#onLeave = onLeave;
  }

  /** Returns `false` when the send queue is full now. */
  send(peer: Peer): boolean {
    const { address, data, mapping } = this;
    const count = data.length;
    let roomLeft = true;
    try {
      roomLeft =
        this.direction === Command.DMA_READ
          ? peer.request(Command.DMA_READ, { address, count }, this, undefined, mapping)
          : peer.request(Command.DMA_WRITE, { address, count, data }, this, undefined, mapping);
    } catch (error) {
      this.onFailure(error as Error);
    }
    this.#onLeave?.();
    return roomLeft;
  }

  /** It will not be sent. */
  drop(error: Error): void {
    this.#transfer.chunkEnded(error);
    if (this.direction === Command.DMA_WRITE) this.#onEnd();
    this.#onLeave?.();
  }

  onReply(reply: ReplyMessage): void {
    this.#end(this.#accept(reply));
  }

  onFailure(error: Error): void {
    this.#end(error);
  }

  #end(error: Error | undefined): void {
    this.#onEnd();
    this.#transfer.chunkEnded(error);
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
    return new ProtocolViolationError(
      `the reply to ${commandName(this.direction)} of ${this.data.length} bytes at ${iovaText(this.address)} names another range`,
    );
  }
}
