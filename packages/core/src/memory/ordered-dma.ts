import { advanceIova, type Iova } from '../address.js';
import type { DmaAccess, WriteOrder } from '../device/dma.js';
import type { Attachment } from '../diagnostics/channels.js';
import { publishAccess } from '../diagnostics/publish-dma.js';
import type { DirtyLog } from './dirty-log.js';
import type { DmaMapping } from './mapping.js';
import { PushCache } from './push-cache.js';
import { disconnectedDma, type RemoteDma } from './remote-dma.js';
import { WaitingAccesses } from './waiting-accesses.js';
import { WriteFence } from './write-fence.js';

/**
 * Accesses mapped memory in the order that devices rely on: synchronously where it is shared and
 * nothing is in flight, otherwise by a promise. Offsets are relative to the mapping and have been
 * checked.
 */
export class OrderedDma {
  /** What notifications wait for: see {@link WriteFence}. */
  readonly fence = new WriteFence();
  /** Data that the client pushed along with register writes. */
  readonly pushed = new PushCache();
  /** Access to mappings without shared memory; `undefined` when the client is gone. */
  remote: RemoteDma | undefined;
  dirtyLog: DirtyLog | undefined;
  /** Whose memory it is. */
  readonly attachment: Attachment;
  readonly #waiting = new WaitingAccesses(this.fence);

  constructor(attachment: Attachment) {
    this.attachment = attachment;
  }

  view(
    mapping: DmaMapping,
    offset: number,
    length: number,
    mode: DmaAccess,
  ): Uint8Array | undefined {
    if (!this.fence.open) return undefined;
    const view = mapping.memory?.view(offset, length);
    if (view === undefined) return undefined;
    if (mode !== 'read') this.dirtyLog?.mark(mapping.firstPage, offset, length);
    publishAccess(this.attachment, 'view', mode, length);
    return view;
  }

  /** Take pushed data; `false` unless all of it is there. */
  takePushed(mapping: DmaMapping, offset: number, target: Uint8Array): boolean {
    if (mapping.memory !== undefined) return false;
    const taken = this.pushed.take(advanceIova(mapping.address, offset), target);
    if (taken) publishAccess(this.attachment, 'pushed', 'read', target.length);
    return taken;
  }

  /** Copy out; `undefined` when done. The caller publishes synchronous accesses. */
  read(mapping: DmaMapping, offset: number, target: Uint8Array): Promise<void> | undefined {
    const { memory } = mapping;
    if (memory === undefined) return this.#readRemote(mapping, offset, target);
    if (this.fence.open) {
      memory.read(offset, target);
      return undefined;
    }
    return this.#waiting.run(mapping, () => {
      memory.read(offset, target);
      publishAccess(this.attachment, 'shared', 'read', target.length);
    });
  }

  /** Copy in; see {@link read}. */
  write(
    mapping: DmaMapping,
    offset: number,
    source: Uint8Array,
    order: WriteOrder,
  ): Promise<void> | undefined {
    if (mapping.memory === undefined) return this.#send(mapping, offset, source, order);
    if (this.fence.open) {
      this.#store(mapping, offset, source);
      return undefined;
    }
    return this.#waiting.run(mapping, () => {
      this.#store(mapping, offset, source);
      publishAccess(this.attachment, 'shared', 'write', source.length);
    });
  }

  cancelWaiting(): void {
    this.#waiting.cancel();
    this.remote?.cancelWaiting();
  }

  #store(mapping: DmaMapping, offset: number, source: Uint8Array): void {
    this.dirtyLog?.mark(mapping.firstPage, offset, source.length);
    mapping.memory?.write(offset, source);
  }

  #readRemote(mapping: DmaMapping, offset: number, target: Uint8Array): Promise<void> {
    const address = advanceIova(mapping.address, offset);
    if (!this.#overtakes(mapping)) return this.#remoteFor(mapping).read(mapping, address, target);
    return this.#waiting.run(mapping, () =>
      this.#remoteFor(mapping).read(mapping, address, target),
    );
  }

  #send(
    mapping: DmaMapping,
    offset: number,
    source: Uint8Array,
    order: WriteOrder,
  ): Promise<void> | undefined {
    const address = advanceIova(mapping.address, offset);
    this.pushed.drop(address, source.length);
    // Messages keep their order: only waiting accesses can be overtaken.
    if (this.#waiting.count === 0 && !this.#overtakes(mapping)) {
      return this.#sendNow(mapping, offset, address, source, order);
    }
    return this.#waiting.run(mapping, () => this.#sendNow(mapping, offset, address, source, order));
  }

  #sendNow(
    mapping: DmaMapping,
    offset: number,
    address: Iova,
    source: Uint8Array,
    order: WriteOrder,
  ): Promise<void> | undefined {
    const sent = this.#remoteFor(mapping).write(mapping, address, source, order);
    if (mapping.exposed.length === 0 || sent === undefined) return sent;
    // Not earlier: a report in between would take the page for clean although it changes.
    return sent.finally(() => this.dirtyLog?.mark(mapping.firstPage, offset, source.length));
  }

  /** RDMA may overtake messages that the client has yet to process. */
  #overtakes(mapping: DmaMapping): boolean {
    return mapping.exposed.length > 0 && !this.fence.open;
  }

  #remoteFor(mapping: DmaMapping): RemoteDma {
    return this.remote ?? disconnectedDma(mapping);
  }
}
