import { advanceIova, type Iova } from '../address.js';
import type { WriteOrder } from '../device/dma.js';
import type { Attachment } from '../diagnostics/channels.js';
import { publishTransfer, transferStart } from '../diagnostics/publish-dma.js';
import { allEnded } from '../run-all.js';
import type { ExposedRange, OneSidedMemory } from '../transport/one-sided.js';
import type { DmaMapping } from './mapping.js';
import type { RemoteDma } from './remote-dma.js';

type Direction = 'read' | 'write';

/** RDMA transfers in flight of one mapping. */
interface UnderWay {
  count: number;
  readonly idle: (() => void)[];
}

/** Guest memory by RDMA, where the client has exposed it. The rest is accessed by messages. */
export class OneSidedDma implements RemoteDma {
  readonly #oneSided: OneSidedMemory;
  readonly #messages: RemoteDma;
  readonly #attachment: Attachment;
  readonly #underWay = new Map<DmaMapping, UnderWay>();

  constructor(oneSided: OneSidedMemory, messages: RemoteDma, attachment: Attachment) {
    this.#oneSided = oneSided;
    this.#messages = messages;
    this.#attachment = attachment;
  }

  read(mapping: DmaMapping, address: Iova, target: Uint8Array): Promise<void> {
    return this.#transfer('read', mapping, address, target);
  }

  write(mapping: DmaMapping, address: Iova, source: Uint8Array, order?: WriteOrder): Promise<void> {
    return this.#transfer('write', mapping, address, source, order);
  }

  /** Transfers given to an adapter count as sent. */
  cancelWaiting(): void {
    this.#messages.cancelWaiting();
  }

  cancel(mapping: DmaMapping): Promise<void> | undefined {
    void this.#messages.cancel(mapping);
    const underWay = this.#underWay.get(mapping);
    if (underWay === undefined) return undefined;
    return new Promise((resolve) => underWay.idle.push(resolve));
  }

  #transfer(
    direction: Direction,
    mapping: DmaMapping,
    address: Iova,
    data: Uint8Array,
    order?: WriteOrder,
  ): Promise<void> {
    const start = mapping.offsetOf(address);
    const [first] = mapping.exposed;
    // Nearly always the whole mapping is exposed, in one range.
    if (first !== undefined && start >= first.offset) {
      if (start + data.length <= first.offset + first.length) {
        return this.#reach(direction, mapping, first, start, data);
      }
    }
    const parts: (Promise<void> | undefined)[] = [];
    for (let done = 0; done < data.length; ) {
      const offset = start + done;
      const range = mapping.exposed.find((range) => offset < range.offset + range.length);
      const reachable = range !== undefined && offset >= range.offset;
      const end = reachable ? range.offset + range.length : (range?.offset ?? mapping.size);
      const piece = data.subarray(done, done + Math.min(end - offset, data.length - done));
      parts.push(
        reachable
          ? this.#reach(direction, mapping, range, offset, piece)
          : this.#messages[direction](mapping, advanceIova(address, done), piece, order),
      );
      done += piece.length;
    }
    return allEnded(parts);
  }

  #reach(
    direction: Direction,
    mapping: DmaMapping,
    range: ExposedRange,
    offset: number,
    piece: Uint8Array,
  ): Promise<void> {
    const startedAt = transferStart();
    const transfer = this.#oneSided[direction](range, offset - range.offset, piece);
    return this.#track(
      mapping,
      publishTransfer(this.#attachment, 'one-sided', direction, piece.length, startedAt, transfer),
    );
  }

  async #track(mapping: DmaMapping, transfer: Promise<void>): Promise<void> {
    const underWay = this.#underWay.get(mapping) ?? { count: 0, idle: [] };
    this.#underWay.set(mapping, underWay);
    underWay.count++;
    try {
      await transfer;
    } finally {
      underWay.count--;
      if (underWay.count === 0) {
        this.#underWay.delete(mapping);
        for (const resolve of underWay.idle) resolve();
      }
    }
  }
}
