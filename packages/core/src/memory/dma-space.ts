import { advanceIova, type Iova } from '../address.js';
import type { Dma } from '../device/device.js';
import { tellAccess } from '../diagnostics/dma-told.js';
import { tellError } from '../diagnostics/errors-told.js';
import { type Logger, silentLogger } from '../logger.js';
import { runAll } from '../run-all.js';
import { checkRights, notMapped } from './access-faults.js';
import { allEnded } from './all-ended.js';
import { DirtyLog } from './dirty-log.js';
import type { DmaMapping, MappingRequest } from './mapping.js';
import { type AddedMapping, type MappingMemory, MappingTable } from './mapping-table.js';
import { ADDRESS_SPACE_PAGES, offsetInPage, PAGE_BYTES, pageOf } from './page.js';
import { PushedMemory } from './pushed-memory.js';
import { goneMemory, type RemoteMemory, type WriteOrder } from './remote-memory.js';
import { WaitingAccesses } from './waiting-accesses.js';
import { offsetOf, type Step, walkMappings } from './walk-mappings.js';
import { WriteFence } from './write-fence.js';

type Listener = (iova: Iova, length: number, mapping: DmaMapping) => void;

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
  readonly #waiting = new WaitingAccesses(
    this.fence,
    (mapping) => this.#table.find(mapping.firstPage) === mapping,
  );
  /** Logs what went wrong while a mapping came or went. */
  readonly #failed: (error: unknown) => void;
  #remote: RemoteMemory | undefined;
  #dirtyLog: DirtyLog | undefined;

  constructor(logger: Logger = silentLogger) {
    this.#failed = (error) => {
      tellError(error);
      logger.error({ err: error }, 'a mapping came or went, but not all of it was done');
    };
  }

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

  /** See {@link MappingTable.add}. */
  add(request: MappingRequest, memory: MappingMemory): AddedMapping {
    const added = this.#table.add(request, memory);
    if (added.isNew) this.#tell(this.#mapListeners, added.mapping);
    return added;
  }

  /**
   * When this returns, nothing of this process touches the range any more. Transfers that an
   * adapter carries out have ended when the promise resolves. Never fails: what goes wrong on the
   * way is logged, and the rest is done all the same. A mapping that has gone before is left alone,
   * and so is what is mapped there now.
   */
  remove(mapping: DmaMapping): Promise<void> | undefined {
    if (this.#table.find(mapping.firstPage) !== mapping) return undefined;
    this.#tell(this.#unmapListeners, mapping);
    this.#table.remove(mapping);
    let ended: Promise<void> | undefined;
    const cancel = (): void => {
      ended = this.#remote?.cancel(mapping);
    };
    const steps = [
      cancel,
      () => mapping.memory?.close(),
      () => this.pushed.drop(mapping.address, mapping.size),
      () => this.#dirtyLog?.forget(mapping.firstPage, mapping.pages),
    ];
    runAll(steps, this.#failed);
    return ended;
  }

  removeAll(): Promise<void> | undefined {
    const ending: Promise<void>[] = [];
    // From the end, so that the table has nothing to move.
    for (const mapping of this.#table.all().toReversed()) {
      const ended = this.remove(mapping);
      if (ended !== undefined) ending.push(ended);
    }
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
        transfers.push(this.#waiting.run(mapping, read));
        return;
      }
      const ask = (): Promise<void> =>
        this.#remoteFor(mapping).read(mapping, advanceIova(iova, done), piece);
      transfers.push(this.#overtakes(mapping) ? this.#waiting.run(mapping, ask) : ask());
    });
    await allEnded(transfers);
  }

  async write(iova: Iova, source: Uint8Array, order?: WriteOrder): Promise<void> {
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
        transfers.push(this.#waiting.run(mapping, write));
        return;
      }
      const address = advanceIova(iova, done);
      this.pushed.drop(address, length);
      const send = (): Promise<void> => {
        const sent = this.#remoteFor(mapping).write(mapping, address, piece, order);
        if (mapping.exposed.length === 0) return sent;
        // Not before: a report in between would take the page for clean although it changes.
        return sent.finally(() => this.#dirtyLog?.mark(mapping.firstPage, offset, length));
      };
      // Messages keep their order among themselves: only what waits can be overtaken.
      const waits = this.#waiting.count > 0 || this.#overtakes(mapping);
      transfers.push(waits ? this.#waiting.run(mapping, send) : send());
    });
    await allEnded(transfers);
  }

  cancelWaiting(): void {
    this.#waiting.cancel();
    this.#remote?.cancelWaiting();
  }

  onMap(listener: Listener): void {
    this.#mapListeners.push(listener);
  }

  onUnmap(listener: Listener): void {
    this.#unmapListeners.push(listener);
  }

  #tell(listeners: readonly Listener[], mapping: DmaMapping): void {
    const { address, size } = mapping;
    const steps = listeners.map((listener) => () => listener(address, size, mapping));
    runAll(steps, this.#failed);
  }

  #takePushed(iova: Iova, target: Uint8Array): boolean {
    const taken = this.pushed.take(iova, target);
    if (taken) tellAccess('pushed', 'read', target.length);
    return taken;
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
