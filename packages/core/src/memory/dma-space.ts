import type { Iova } from '../address.js';
import type { Dma, DmaAccess, DmaRange, WriteOrder } from '../device/dma.js';
import type { Attachment } from '../diagnostics/channels.js';
import { publishError } from '../diagnostics/channels.js';
import { type Logger, silentLogger } from '../logger.js';
import { allEnded, runAll } from '../run-all.js';
import { checkRights, notMapped } from './access-faults.js';
import { DirtyLog } from './dirty-log.js';
import { MappedRange, type RangeSpace } from './mapped-range.js';
import type { DmaMapping, MappingRequest } from './mapping.js';
import { type AddedMapping, type MappingSource, MappingTable } from './mapping-table.js';
import { OrderedDma } from './ordered-dma.js';
import { ADDRESS_SPACE_PAGES, offsetInPage, PAGE_BYTES, pageOf } from './page.js';
import type { PushCache } from './push-cache.js';
import type { RemoteDma } from './remote-dma.js';
import type { WriteFence } from './write-fence.js';

type Listener = (iova: Iova, length: number, mapping: DmaMapping) => void;

/**
 * A client's memory: its mappings, their permissions, and how each is accessed. A session changes
 * it; a device uses it as {@link Dma}. Lives as long as the device; empty while there is no client.
 */
export class DmaSpace implements Dma, RangeSpace {
  readonly access: OrderedDma;
  readonly #table = new MappingTable();
  readonly #mapListeners: Listener[] = [];
  readonly #unmapListeners: Listener[] = [];
  readonly #faultListeners: ((error: Error) => void)[] = [];
  /** Logs errors of adding and removing mappings. */
  readonly #failed: (error: unknown) => void;
  #removals = 0;

  /** @param attachment whose memory it is. */
  constructor(attachment: Attachment, logger: Logger = silentLogger) {
    this.access = new OrderedDma(attachment);
    this.#failed = (error) => {
      publishError(error);
      logger.error({ err: error }, 'a mapping came or went, but not all of it was done');
    };
  }

  /** Whose memory it is. */
  get attachment(): Attachment {
    return this.access.attachment;
  }

  /** What notifications wait for: see {@link WriteFence}. */
  get fence(): WriteFence {
    return this.access.fence;
  }

  /** Data that the client pushed along with register writes. */
  get pushed(): PushCache {
    return this.access.pushed;
  }

  /** Access to mappings without shared memory; `undefined` when the client is gone. */
  connect(remote: RemoteDma | undefined): void {
    this.access.remote = remote;
  }

  get removals(): number {
    return this.#removals;
  }

  get mappingCount(): number {
    return this.#table.size;
  }

  mappings(): readonly DmaMapping[] {
    return this.#table.all();
  }

  overlapping(firstPage: number, pages: number): DmaMapping | undefined {
    return this.#table.overlapping(firstPage, pages);
  }

  /** The mapping of exactly this range. */
  exact(address: Iova, size: number): DmaMapping | undefined {
    const mapping = this.#table.find(pageOf(address));
    return mapping?.address === address && mapping.size === size ? mapping : undefined;
  }

  /** See {@link MappingTable.add}. */
  add(request: MappingRequest, memory: MappingSource): AddedMapping {
    const added = this.#table.add(request, memory);
    if (added.isNew) this.#notify(this.#mapListeners, added.mapping);
    return added;
  }

  /**
   * Remove a mapping. When this returns, this process no longer accesses the range; RDMA transfers
   * have ended when the promise resolves. Never fails: errors are logged. A mapping that was
   * removed before is left alone, and so is what is mapped there now.
   */
  remove(mapping: DmaMapping): Promise<void> | undefined {
    if (!mapping.mapped) return undefined;
    this.#notify(this.#unmapListeners, mapping);
    this.#table.remove(mapping);
    this.#removals++;
    let ended: Promise<void> | undefined;
    const cancel = (): void => {
      ended = this.access.remote?.cancel(mapping);
    };
    const steps = [
      cancel,
      () => mapping.memory?.close(),
      () => this.pushed.drop(mapping.address, mapping.size),
      () => this.dirtyLog?.forget(mapping.firstPage, mapping.pages),
    ];
    runAll(steps, this.#failed);
    return ended;
  }

  removeAll(): Promise<void> | undefined {
    const ending: Promise<void>[] = [];
    // From the end, where removal moves nothing.
    for (const mapping of this.#table.all().toReversed()) {
      const ended = this.remove(mapping);
      if (ended !== undefined) ending.push(ended);
    }
    return ending.length === 0 ? undefined : allEnded(ending);
  }

  range(iova: Iova, length: number, mode: DmaAccess): DmaRange {
    return new MappedRange(this, iova, length, mode);
  }

  view(iova: Iova, length: number, mode: DmaAccess): Uint8Array | undefined {
    const mapping = this.mappingAt(iova, length);
    const offset = mapping.offsetOf(iova);
    if (offset + length > mapping.size) return this.range(iova, length, mode).view;
    checkRights(mapping, iova, mode !== 'read', mode !== 'write');
    return this.access.view(mapping, offset, length, mode);
  }

  async read(iova: Iova, target: Uint8Array): Promise<void> {
    await this.range(iova, target.length, 'read').read(target);
  }

  async write(iova: Iova, source: Uint8Array, order?: WriteOrder): Promise<void> {
    await this.range(iova, source.length, 'write').write(source, 0, order);
  }

  cancelWaiting(): void {
    this.access.cancelWaiting();
  }

  /** The client has refused a posted write. */
  fault(error: Error): void {
    publishError(error);
    const steps = this.#faultListeners.map((listener) => () => listener(error));
    runAll(steps, this.#failed);
  }

  onFault(listener: (error: Error) => void): void {
    this.#faultListeners.push(listener);
  }

  get dirtyLog(): DirtyLog | undefined {
    return this.access.dirtyLog;
  }

  startDirtyLog(pageBytes: number): void {
    this.access.dirtyLog = new DirtyLog(pageBytes);
  }

  stopDirtyLog(): void {
    this.access.dirtyLog = undefined;
  }

  onMap(listener: Listener): void {
    this.#mapListeners.push(listener);
  }

  onUnmap(listener: Listener): void {
    this.#unmapListeners.push(listener);
  }

  mappingAt(iova: Iova, length: number): DmaMapping {
    const page = pageOf(iova);
    const end = page + Math.ceil((offsetInPage(iova) + length) / PAGE_BYTES);
    const mapping = end <= ADDRESS_SPACE_PAGES ? this.#table.find(page) : undefined;
    if (mapping === undefined) throw notMapped(iova);
    return mapping;
  }

  #notify(listeners: readonly Listener[], mapping: DmaMapping): void {
    const { address, size } = mapping;
    const steps = listeners.map((listener) => () => listener(address, size, mapping));
    runAll(steps, this.#failed);
  }
}
