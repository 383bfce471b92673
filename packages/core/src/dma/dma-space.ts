import { advanceIova, type Iova } from '../address.js';
import type { Dma } from '../device/device.js';
import { tellAccess } from '../diagnostics/dma-told.js';
import { ECANCELED } from '../errno.js';
import { DmaFaultError } from '../errors.js';
import { PushedMemory } from '../push/pushed-memory.js';
import { checkRights, notMapped } from './access-faults.js';
import { allEnded } from './all-ended.js';
import { DirtyLog } from './dirty-log.js';
import type { DmaMapping } from './mapping.js';
import { MappingTable } from './mapping-table.js';
import { ADDRESS_SPACE_PAGES, offsetInPage, PAGE_BYTES, pageOf } from './page.js';
import { goneMemory, type RemoteMemory } from './remote-memory.js';
import { offsetOf, type Step, walkMappings } from './walk-mappings.js';
import { WriteFence } from './write-fence.js';

type Listener = (iova: Iova, length: number) => void;

/**
 * The client's memory as the device sees it: the mappings, their permissions, and how each is
 * reached. Lives as long as the device; empty while no client is there.
 */
export class DmaSpace implements Dma {
  /** What notifications wait for: see {@link WriteFence}. */
  readonly fence = new WriteFence();
  /** Memory of the client that came along with its register writes. */
  readonly pushed = new PushedMemory();
  readonly #table = new MappingTable();
  readonly #mapListeners: Listener[] = [];
  readonly #unmapListeners: Listener[] = [];
  #remote: RemoteMemory | undefined;
  #dirtyLog: DirtyLog | undefined;
  /** Accesses that wait in the fence. */
  #waiting = 0;

  // ---- towards the session

  /** How mappings without shared memory are reached; `undefined` when the client is gone. */
  connect(remote: RemoteMemory | undefined): void {
    this.#remote = remote;
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

  add(mapping: DmaMapping): void {
    this.#table.insert(mapping);
    for (const listener of this.#mapListeners) listener(mapping.address, mapping.size);
  }

  /**
   * When this returns, nothing of this process touches the range any more. Transfers that an
   * adapter carries out have ended when the promise resolves.
   */
  remove(mapping: DmaMapping): Promise<void> | undefined {
    let ended: Promise<void> | undefined;
    try {
      for (const listener of this.#unmapListeners) listener(mapping.address, mapping.size);
    } finally {
      this.#table.remove(mapping);
      ended = this.#remote?.cancel(mapping);
      mapping.memory?.close();
      this.pushed.drop(mapping.address, mapping.size);
      this.#dirtyLog?.forget(mapping.firstPage, mapping.pages);
    }
    return ended;
  }

  removeAll(): Promise<void> | undefined {
    const failures: unknown[] = [];
    const ending: Promise<void>[] = [];
    // From the end, so that the table has nothing to move.
    for (const mapping of this.#table.all().toReversed()) {
      try {
        const ended = this.remove(mapping);
        if (ended !== undefined) ending.push(ended);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return ending.length === 0 ? undefined : allEnded(ending);
  }

  get dirtyLog(): DirtyLog | undefined {
    return this.#dirtyLog;
  }

  startDirtyLog(pageBytes: number): void {
    this.#dirtyLog = new DirtyLog(pageBytes);
  }

  stopDirtyLog(): void {
    this.#dirtyLog = undefined;
  }

  // ---- towards the device

  map(iova: Iova, length: number, access: 'read' | 'write' | 'readwrite'): Uint8Array | undefined {
    const writes = access !== 'read';
    const mapping = this.#mappingAt(iova, length);
    const offset = offsetOf(mapping, iova);
    if (offset + length > mapping.size) {
      this.#walk(iova, length, writes, access !== 'write', nothing);
      return undefined;
    }
    checkRights(mapping, iova, writes, access !== 'write');
    if (!this.fence.open) return undefined;
    const view = mapping.memory?.view(offset, length);
    if (view === undefined) return undefined;
    if (writes) this.#dirtyLog?.mark(pageOf(iova), offsetInPage(iova), length);
    tellAccess('view', access, length);
    return view;
  }

  tryRead(iova: Iova, target: Uint8Array): boolean {
    const mapping = this.#mappingAt(iova, target.length);
    const offset = offsetOf(mapping, iova);
    if (offset + target.length <= mapping.size) {
      checkRights(mapping, iova, false, true);
      if (mapping.memory === undefined) return this.#takePushed(iova, target);
      if (!this.fence.open) return false;
      mapping.memory.read(offset, target);
      tellAccess('shared', 'read', target.length);
      return true;
    }
    if (!this.#isLocal(iova, target.length, false) || !this.fence.open) return false;
    this.#walk(iova, target.length, false, true, (piece, at, done, length) =>
      piece.memory?.read(at, target.subarray(done, done + length)),
    );
    tellAccess('shared', 'read', target.length);
    return true;
  }

  tryWrite(iova: Iova, source: Uint8Array): boolean {
    const mapping = this.#mappingAt(iova, source.length);
    const offset = offsetOf(mapping, iova);
    if (offset + source.length <= mapping.size) {
      checkRights(mapping, iova, true, false);
      if (mapping.memory === undefined || !this.fence.open) return false;
      this.#dirtyLog?.mark(pageOf(iova), offsetInPage(iova), source.length);
      mapping.memory.write(offset, source);
      tellAccess('shared', 'write', source.length);
      return true;
    }
    if (!this.#isLocal(iova, source.length, true) || !this.fence.open) return false;
    this.#dirtyLog?.mark(pageOf(iova), offsetInPage(iova), source.length);
    this.#walk(iova, source.length, true, false, (piece, at, done, length) =>
      piece.memory?.write(at, source.subarray(done, done + length)),
    );
    tellAccess('shared', 'write', source.length);
    return true;
  }

  async read(iova: Iova, target: Uint8Array): Promise<void> {
    if (this.tryRead(iova, target)) return;
    const transfers: Promise<void>[] = [];
    this.#walk(iova, target.length, false, true, (mapping, offset, done, length) => {
      const piece = target.subarray(done, done + length);
      const { memory } = mapping;
      if (memory !== undefined) {
        const read = (): void => {
          memory.read(offset, piece);
          tellAccess('shared', 'read', length);
        };
        transfers.push(this.#inOrder(mapping, read));
        return;
      }
      const ask = (): Promise<void> =>
        this.#remoteFor(mapping).read(mapping, advanceIova(iova, done), piece);
      transfers.push(this.#overtakes(mapping) ? this.#inOrder(mapping, ask) : ask());
    });
    await allEnded(transfers);
  }

  async write(iova: Iova, source: Uint8Array): Promise<void> {
    if (this.tryWrite(iova, source)) return;
    const transfers: Promise<void>[] = [];
    this.#walk(iova, source.length, true, false, (mapping, offset, done, length) => {
      const piece = source.subarray(done, done + length);
      const { memory } = mapping;
      if (memory !== undefined) {
        const write = (): void => {
          this.#dirtyLog?.mark(mapping.firstPage, offset, length);
          memory.write(offset, piece);
          tellAccess('shared', 'write', length);
        };
        transfers.push(this.#inOrder(mapping, write));
        return;
      }
      const address = advanceIova(iova, done);
      this.pushed.drop(address, length);
      const send = (): Promise<void> => {
        const sent = this.#remoteFor(mapping).write(mapping, address, piece);
        if (mapping.exposed.length === 0) return sent;
        // Not before: a report in between would take the page for clean although it changes.
        return sent.finally(() => this.#dirtyLog?.mark(mapping.firstPage, offset, length));
      };
      // Messages keep their order among themselves: only what waits can be overtaken.
      const waits = this.#waiting > 0 || this.#overtakes(mapping);
      transfers.push(waits ? this.#inOrder(mapping, send) : send());
    });
    await allEnded(transfers);
  }

  onMap(listener: Listener): void {
    this.#mapListeners.push(listener);
  }

  onUnmap(listener: Listener): void {
    this.#unmapListeners.push(listener);
  }

  #takePushed(iova: Iova, target: Uint8Array): boolean {
    const taken = this.pushed.take(iova, target);
    if (taken) tellAccess('pushed', 'read', target.length);
    return taken;
  }

  /**
   * Access memory once the writes issued before have ended, those under way as messages and those
   * that wait themselves. It runs inside the fence: what waits next must find it done.
   */
  #inOrder(mapping: DmaMapping, access: () => void | Promise<void>): Promise<void> {
    this.#waiting++;
    return new Promise((resolve, reject) => {
      this.fence.run(() => {
        this.#waiting--;
        try {
          if (this.#table.find(mapping.firstPage) !== mapping) {
            throw new DmaFaultError(ECANCELED, `DMA to ${mapping}: unmapped while it waited`);
          }
          resolve(access());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** An adapter may be ahead of the client, who carries out the messages sent before. */
  #overtakes(mapping: DmaMapping): boolean {
    return mapping.exposed.length > 0 && !this.fence.open;
  }

  #remoteFor(mapping: DmaMapping): RemoteMemory {
    return this.#remote ?? goneMemory(mapping);
  }

  #mappingAt(iova: Iova, length: number): DmaMapping {
    const page = pageOf(iova);
    const end = page + Math.ceil((offsetInPage(iova) + length) / PAGE_BYTES);
    const mapping = end <= ADDRESS_SPACE_PAGES ? this.#table.find(page) : undefined;
    if (mapping === undefined) throw notMapped(iova);
    return mapping;
  }

  /** Whether all of the range is in shared memory; checks permissions of the pieces it sees. */
  #isLocal(iova: Iova, length: number, writes: boolean): boolean {
    let local = true;
    this.#walk(iova, length, writes, !writes, (mapping) => {
      if (mapping.memory === undefined) local = false;
    });
    return local;
  }

  #walk(iova: Iova, length: number, writes: boolean, reads: boolean, step: Step): void {
    walkMappings((at, bytes) => this.#mappingAt(at, bytes), { iova, length, writes, reads }, step);
  }
}

function nothing(): void {}
