import { advanceIova, type Iova } from '../address.js';
import { tellTransfer, transferStart } from '../diagnostics/dma-told.js';
import type { DmaMapping } from '../dma/mapping.js';
import type { RemoteMemory } from '../dma/remote-memory.js';
import { WriteFence } from '../dma/write-fence.js';
import { ECANCELED } from '../errno.js';
import { DmaFaultError } from '../errors.js';
import { Command } from '../protocol/constants.js';
import { DmaChunk, DmaTransfer } from './dma-chunk.js';
import type { Peer } from './peer.js';

export interface MessageMemoryOptions {
  /** Most bytes of one DMA_READ or DMA_WRITE: what the client negotiated. */
  readonly maxTransferBytes: number;
  /** Most DMA_READ requests under way at once. */
  readonly maxReads: number;
  /** Most bytes they ask for together; see `Encoding.replyWindowBytes`. */
  readonly replyWindowBytes: number;
  /**
   * What notifications wait for: until the client answered the writes, or, where notifications
   * travel behind the writes in one ordered channel, until the writes have left.
   */
  readonly fence: WriteFence;
  readonly orderedNotifications: boolean;
}

/**
 * Guest memory over "DMA_READ" and "DMA_WRITE", cut to what the client accepts. Reads are pipelined
 * up to a limit. Writes are posted: they leave in the order issued, as fast as the connection
 * takes them, so that whatever is sent later arrives behind them.
 */
export class MessageMemory implements RemoteMemory {
  readonly #peer: Peer;
  readonly #options: MessageMemoryOptions;
  /** Writes that wait for room in the send queue; see {@link afterWrites}. */
  readonly #departures = new WriteFence();
  #reads: DmaChunk[] = [];
  #writes: DmaChunk[] = [];
  #readsUnderWay = 0;
  #bytesUnderWay = 0;
  #pumpingReads = false;
  #backedUp = false;

  constructor(peer: Peer, options: MessageMemoryOptions) {
    this.#peer = peer;
    this.#options = options;
  }

  /** Everything written so far has left: what is sent now arrives behind it. */
  get writesHaveLeft(): boolean {
    return this.#departures.open;
  }

  /** Run `action` when the writes issued so far have left. */
  afterWrites(action: () => void): void {
    this.#departures.run(action);
  }

  read(mapping: DmaMapping, address: Iova, target: Uint8Array): Promise<void> {
    const step = Math.min(this.#options.maxTransferBytes, this.#options.replyWindowBytes);
    const startedAt = transferStart();
    const transfer = this.#transfer(target, step, (data, at, transfer) => {
      const onEnd = (): void => {
        this.#readsUnderWay--;
        this.#bytesUnderWay -= data.length;
        this.#pumpReads();
      };
      const from = advanceIova(address, at);
      this.#reads.push(new DmaChunk(Command.DMA_READ, mapping, from, data, transfer, onEnd));
      this.#pumpReads();
    });
    return tellTransfer('messages', 'read', target.length, startedAt, transfer);
  }

  write(mapping: DmaMapping, address: Iova, source: Uint8Array): Promise<void> {
    const { fence, maxTransferBytes, orderedNotifications } = this.#options;
    const startedAt = transferStart();
    const transfer = this.#transfer(source, maxTransferBytes, (data, at, transfer) => {
      const departure = this.#departures.begin();
      const number = fence.begin();
      const onLeave = (): void => {
        this.#departures.end(departure);
        if (orderedNotifications) fence.end(number);
      };
      const onEnd = orderedNotifications ? () => {} : () => fence.end(number);
      const to = advanceIova(address, at);
      this.#writes.push(
        new DmaChunk(Command.DMA_WRITE, mapping, to, data, transfer, onEnd, onLeave),
      );
      this.#pumpWrites();
    });
    return tellTransfer('messages', 'write', source.length, startedAt, transfer);
  }

  cancel(mapping: DmaMapping): undefined {
    const error = new DmaFaultError(ECANCELED, `DMA to ${mapping}: unmapped while under way`);
    this.#drop((chunk) => chunk.mapping === mapping, error);
    this.#peer.requests.cancel(mapping, error);
  }

  /** The client is gone. Requests already sent are failed by the peer's request table. */
  end(error: Error): void {
    this.#drop(() => true, error);
  }

  #transfer(
    data: Uint8Array,
    step: number,
    issue: (piece: Uint8Array, at: number, transfer: DmaTransfer) => void,
  ): Promise<void> {
    if (data.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const transfer = new DmaTransfer(Math.ceil(data.length / step), resolve, reject);
      for (let at = 0; at < data.length; at += step) {
        issue(data.subarray(at, at + step), at, transfer);
      }
    });
  }

  #pumpReads(): void {
    // Where nothing can be sent any more a chunk ends inside `send`, which leads back to here.
    if (this.#pumpingReads) return;
    this.#pumpingReads = true;
    for (let next = this.#nextRead(); next !== undefined; next = this.#nextRead()) {
      next.send(this.#peer);
    }
    this.#pumpingReads = false;
  }

  /** The next chunk, if its reply fits into what may be under way. */
  #nextRead(): DmaChunk | undefined {
    const [next] = this.#reads;
    if (next === undefined || this.#readsUnderWay >= this.#options.maxReads) return undefined;
    const bytes = this.#bytesUnderWay + next.data.length;
    if (bytes > this.#options.replyWindowBytes) return undefined;
    this.#readsUnderWay++;
    this.#bytesUnderWay = bytes;
    return this.#reads.shift();
  }

  #pumpWrites(): void {
    while (!this.#backedUp) {
      const chunk = this.#writes.shift();
      if (chunk === undefined) return;
      if (!chunk.send(this.#peer)) this.#waitForRoom();
    }
  }

  #waitForRoom(): void {
    this.#backedUp = true;
    void this.#peer.drained().then(() => {
      this.#backedUp = false;
      this.#pumpWrites();
    });
  }

  /** Fail chunks that have not left yet. */
  #drop(matches: (chunk: DmaChunk) => boolean, error: Error): void {
    const keep = (chunk: DmaChunk): boolean => !matches(chunk);
    const dropped = [...this.#reads.filter(matches), ...this.#writes.filter(matches)];
    this.#reads = this.#reads.filter(keep);
    this.#writes = this.#writes.filter(keep);
    for (const chunk of dropped) chunk.drop(error);
  }
}
