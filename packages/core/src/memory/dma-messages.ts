import type { Iova } from '../address.js';
import type { WriteOrder } from '../device/dma.js';
import type { Attachment } from '../diagnostics/channels.js';
import { publishTransfer, transferStart } from '../diagnostics/publish-dma.js';
import { ECANCELED } from '../errno.js';
import { DmaFaultError, RemoteError } from '../errors.js';
import { Command } from '../protocol/enums.js';
import type { Peer } from '../session/peer.js';
import { DmaTransfer } from './dma-transfer.js';
import type { DmaMapping } from './mapping.js';
import type { RemoteDma } from './remote-dma.js';
import { TransferQueue } from './transfer-queue.js';
import { WriteFence } from './write-fence.js';

/** Most bytes of DMA_WRITE requests in flight. */
const WRITE_WINDOW_BYTES = 16 * 2 ** 20;

export interface DmaMessagesOptions {
  /** Whose memory it is. */
  readonly attachment: Attachment;
  /** Most bytes of one DMA_READ or DMA_WRITE, as negotiated. */
  readonly maxTransferBytes: number;
  /** Most DMA_READ requests in flight. */
  readonly maxReads: number;
  /** Most bytes of DMA_READ requests in flight; see `Encoding.replyWindowBytes`. */
  readonly replyWindowBytes: number;
  /**
   * What notifications wait for: until the client has answered the writes, or until they are sent,
   * where one ordered channel carries both.
   */
  readonly fence: WriteFence;
  readonly orderedNotifications: boolean;
}

/**
 * Guest memory by "DMA_READ" and "DMA_WRITE", split to what the client accepts. Each direction
 * keeps enough in flight to fill the connection, and little more, so that other messages get
 * through. Writes are sent in the order issued, ahead of anything sent later. When the client
 * refuses one, later ones that were already issued fail, too: they may announce its completion.
 */
export class DmaMessages implements RemoteDma {
  readonly #peer: Peer;
  readonly #options: DmaMessagesOptions;
  /** Unsent writes, except relaxed ones; see {@link afterWrites}. */
  readonly #departures = new WriteFence();
  readonly #reads: TransferQueue;
  readonly #writes: TransferQueue;

  constructor(peer: Peer, options: DmaMessagesOptions) {
    const { maxTransferBytes: maxPieceBytes, maxReads, replyWindowBytes } = options;
    this.#peer = peer;
    this.#options = options;
    this.#reads = new TransferQueue(peer, {
      maxPieceBytes,
      maxPieces: maxReads,
      maxBytes: replyWindowBytes,
      waitsForRoom: false,
      endsOnRefusal: false,
      flushes: () => false,
    });
    this.#writes = new TransferQueue(peer, {
      maxPieceBytes,
      maxPieces: Number.POSITIVE_INFINITY,
      maxBytes: WRITE_WINDOW_BYTES,
      waitsForRoom: true,
      endsOnRefusal: true,
      // A client that waits for a register read may answer no DMA before.
      flushes: () => this.#departures.awaited,
    });
  }

  /** All writes have been sent, relaxed ones aside: what is sent now arrives after them. */
  get writesHaveLeft(): boolean {
    return this.#departures.open;
  }

  /** Run `action` once the writes issued so far have been sent, relaxed ones aside. */
  afterWrites(action: () => void): void {
    this.#departures.run(action);
    this.#writes.pump();
  }

  read(mapping: DmaMapping, address: Iova, target: Uint8Array): Promise<void> {
    if (target.length === 0) return Promise.resolve();
    const startedAt = transferStart();
    const transfer = new DmaTransfer(Command.DMA_READ, mapping, address, target);
    this.#reads.add(transfer);
    return this.#publish('read', target.length, startedAt, transfer.ended);
  }

  write(
    mapping: DmaMapping,
    address: Iova,
    source: Uint8Array,
    order: WriteOrder = 'strict',
  ): Promise<void> {
    if (source.length === 0) return Promise.resolve();
    const { fence, orderedNotifications } = this.#options;
    const startedAt = transferStart();
    const departure = order === 'strict' ? this.#departures.begin() : undefined;
    const number = fence.begin();
    const transfer = new DmaTransfer(Command.DMA_WRITE, mapping, address, source, {
      onLeft: () => {
        if (departure !== undefined) this.#departures.end(departure);
        if (orderedNotifications) fence.end(number);
      },
      onEnd: (error) => {
        if (orderedNotifications) return;
        if (error instanceof RemoteError) fence.refuse(number);
        else fence.end(number);
      },
    });
    this.#writes.add(transfer);
    return this.#publish('write', source.length, startedAt, transfer.ended);
  }

  cancel(mapping: DmaMapping): undefined {
    const error = new DmaFaultError(ECANCELED, `DMA to ${mapping}: unmapped while under way`);
    this.#reads.drop(error, mapping);
    this.#writes.drop(error, mapping);
    this.#peer.requests.cancel(mapping, error);
  }

  cancelWaiting(): void {
    const error = new DmaFaultError(ECANCELED, 'DMA: cancelled before it left');
    this.#reads.drop(error);
    this.#writes.drop(error);
  }

  /** The client is gone. The peer's request table fails the requests already sent. */
  end(error: Error): void {
    this.#reads.drop(error);
    this.#writes.drop(error);
  }

  #publish(
    direction: 'read' | 'write',
    bytes: number,
    startedAt: number,
    transfer: Promise<void>,
  ): Promise<void> {
    const { attachment } = this.#options;
    return publishTransfer(attachment, 'messages', direction, bytes, startedAt, transfer);
  }
}
