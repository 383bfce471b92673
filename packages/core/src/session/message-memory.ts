import type { Iova } from '../address.js';
import type { DmaMapping } from '../dma/mapping.js';
import { advance } from '../dma/page.js';
import type { RemoteMemory } from '../dma/remote-memory.js';
import type { WriteFence } from '../dma/write-fence.js';
import { ECANCELED } from '../errno.js';
import { DmaFaultError } from '../errors.js';
import { Command } from '../protocol/constants.js';
import { DmaChunk, type DmaDirection, DmaTransfer } from './dma-chunk.js';
import type { Peer } from './peer.js';

export interface MessageMemoryOptions {
  /** Most bytes of one DMA_READ or DMA_WRITE: what the client negotiated. */
  readonly maxTransferBytes: number;
  /** Most requests under way at once. */
  readonly maxOutstanding: number;
}

/** Guest memory over "DMA_READ" and "DMA_WRITE": chunked, pipelined, bounded, in order. */
export class MessageMemory implements RemoteMemory {
  readonly #peer: Peer;
  readonly #fence: WriteFence;
  readonly #options: MessageMemoryOptions;
  #queue: DmaChunk[] = [];
  #outstanding = 0;

  constructor(peer: Peer, fence: WriteFence, options: MessageMemoryOptions) {
    this.#peer = peer;
    this.#fence = fence;
    this.#options = options;
  }

  read(mapping: DmaMapping, address: Iova, target: Uint8Array): Promise<void> {
    return this.#transfer(Command.DMA_READ, mapping, address, target);
  }

  write(mapping: DmaMapping, address: Iova, source: Uint8Array): Promise<void> {
    return this.#transfer(Command.DMA_WRITE, mapping, address, source);
  }

  cancel(mapping: DmaMapping): void {
    const error = new DmaFaultError(ECANCELED, `DMA to ${mapping}: unmapped while under way`);
    this.#drop((chunk) => chunk.mapping === mapping, error);
    this.#peer.requests.cancel(mapping, error);
  }

  /** The client is gone. Requests already sent are failed by the peer's request table. */
  end(error: Error): void {
    this.#drop(() => true, error);
  }

  #transfer(
    direction: DmaDirection,
    mapping: DmaMapping,
    address: Iova,
    data: Uint8Array,
  ): Promise<void> {
    if (data.length === 0) return Promise.resolve();
    const step = this.#options.maxTransferBytes;
    return new Promise((resolve, reject) => {
      const transfer = new DmaTransfer(Math.ceil(data.length / step), resolve, reject);
      for (let at = 0; at < data.length; at += step) {
        const piece = data.subarray(at, at + step);
        const onEnd = this.#onEnd(direction);
        const chunk = new DmaChunk(
          direction,
          mapping,
          advance(address, at),
          piece,
          transfer,
          onEnd,
        );
        this.#queue.push(chunk);
      }
      this.#pump();
    });
  }

  /** A write is numbered when it is issued, not when it leaves: that is the order that counts. */
  #onEnd(direction: DmaDirection): () => void {
    if (direction === Command.DMA_READ) return () => this.#ended();
    const write = this.#fence.begin();
    return () => {
      this.#ended();
      this.#fence.end(write);
    };
  }

  #ended(): void {
    this.#outstanding--;
    this.#pump();
  }

  #pump(): void {
    while (this.#outstanding < this.#options.maxOutstanding) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) return;
      this.#outstanding++;
      this.#send(chunk);
    }
  }

  #send(chunk: DmaChunk): void {
    const { address, data, mapping } = chunk;
    const count = data.length;
    try {
      if (chunk.direction === Command.DMA_READ) {
        this.#peer.request(Command.DMA_READ, { address, count }, chunk, undefined, mapping);
      } else {
        this.#peer.request(Command.DMA_WRITE, { address, count, data }, chunk, undefined, mapping);
      }
    } catch (error) {
      chunk.onFailure(error as Error);
    }
  }

  /** Fail chunks that have not left yet. */
  #drop(matches: (chunk: DmaChunk) => boolean, error: Error): void {
    const dropped = this.#queue.filter(matches);
    this.#queue = this.#queue.filter((chunk) => !matches(chunk));
    // They count as outstanding while they end, as the ones that left do.
    this.#outstanding += dropped.length;
    for (const chunk of dropped) chunk.onFailure(error);
  }
}
