import { type Iova, iovaText } from '../address.js';
import type { WriteOrder } from '../device/dma.js';
import type { Attachment } from '../diagnostics/channels.js';
import { publishAccess, publishTransfer, transferStart } from '../diagnostics/publish-dma.js';
import { ECANCELED, errnoText } from '../errno.js';
import { DmaFaultError, RemoteError } from '../errors.js';
import { INLINE_DATA_BYTES } from '../protocol/encoding.js';
import { Command } from '../protocol/enums.js';
import type { DmaFault } from '../protocol/messages.js';
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
  /** Whether the client takes writes without a reply, and tells of a refusal by DMA_FAULT. */
  readonly posts: boolean;
  /** A posted write was refused. */
  readonly onFault: (error: RemoteError) => void;
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
  /** Number of one-way messages whose faults nobody wants to know of any more. */
  #forgotten = 0;

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
    order?: 'strict' | 'relaxed',
  ): Promise<void>;
  write(
    mapping: DmaMapping,
    address: Iova,
    source: Uint8Array,
    order?: WriteOrder,
  ): Promise<void> | undefined;
  write(
    mapping: DmaMapping,
    address: Iova,
    source: Uint8Array,
    order: WriteOrder = 'strict',
  ): Promise<void> | undefined {
    if (source.length === 0) return Promise.resolve();
    if (order === 'posted' && this.#mayPost(source.length)) {
      this.#post(address, source);
      return undefined;
    }
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

  /** "DMA_FAULT". What waits was issued assuming success. */
  onFault({ message, address, count, errno }: DmaFault): void {
    if (message <= this.#forgotten) return;
    this.#writes.drop(new DmaFaultError(ECANCELED, 'DMA: a write before it failed'));
    const text = `the client refused ${count} bytes at ${iovaText(address)}: ${errnoText(errno)}`;
    this.#options.onFault(new RemoteError(text, errno));
  }

  cancelWaiting(): void {
    this.#forgotten = this.#peer.oneWay.sentMessages;
    const error = new DmaFaultError(ECANCELED, 'DMA: cancelled before it left');
    this.#reads.drop(error);
    this.#writes.drop(error);
  }

  /** The client is gone. The peer's request table fails the requests already sent. */
  end(error: Error): void {
    this.#reads.drop(error);
    this.#writes.drop(error);
  }

  /** Small ones only: their bytes are copied when they are sent. */
  #mayPost(bytes: number): boolean {
    return (
      this.#options.posts &&
      !this.#peer.closed &&
      bytes <= INLINE_DATA_BYTES &&
      this.#peer.oneWay.open &&
      this.#writes.mayPost(bytes)
    );
  }

  #post(address: Iova, data: Uint8Array): void {
    const count = data.length;
    const roomLeft = this.#peer.post(Command.DMA_WRITE, { address, count, data });
    this.#writes.posted(count, roomLeft);
    publishAccess(this.#options.attachment, 'messages', 'write', count);
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
