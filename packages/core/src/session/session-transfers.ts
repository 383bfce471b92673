import { EFAULT, EIO } from '../errno.js';
import { DmaFaultError, ProtocolViolationError } from '../errors.js';
import { LinkFrameKind } from '../protocol/portable/link-frames.js';
import { encodeAccess, MAX_ACCESS_BYTES } from '../protocol/portable/memory-frames.js';
import type { AdapterProgress, ExposedRange, OneSidedMemory } from '../transport/one-sided.js';
import { MemoryTransfer } from './memory-transfer.js';
import { PeerMemory } from './peer-memory.js';

/** Most bytes of accesses by frames under way. */
const WINDOW_BYTES = 2 ** 19;
/** A transfer that so many links did not finish is at fault itself. */
const MAX_RUNS = 16;

/** The connection of a session, as its memory uses it. */
export interface MemoryCarrier {
  /** Number of frames that were to be sent since the session began, without link frames. */
  readonly issued: number;
  /**
   * Send those up to this number that were held back.
   * @returns whether there is room for more.
   */
  release(upTo: number): boolean;
  /** Send a link frame, if there is a link. */
  sendLinkFrame(kind: LinkFrameKind, value: number, payload?: Uint8Array, data?: Uint8Array): void;
  /** Something was decided: {@link SessionTransfers.pump} and send what may leave. */
  proceed(): void;
}

/** An access by frames that is under way. */
interface Access {
  readonly number: number;
  readonly transfer: MemoryTransfer;
  readonly data: Uint8Array;
}

/**
 * The transfers from and to the peer's memory. Transfers and frames take effect in the order they
 * were issued in, over any number of links: a transfer that has to wait holds back later frames.
 */
export class SessionTransfers {
  readonly #carrier: MemoryCarrier;
  #adapter: OneSidedMemory | undefined;
  /** That of the last link over which transfers were begun. */
  #lostAdapter: OneSidedMemory | undefined;
  /** The peer has said where its memory is over this link. */
  #ready = true;
  readonly #memory = new PeerMemory();
  /** Everything that has not ended, oldest first. */
  readonly #unfinished = new Set<MemoryTransfer>();
  /** The youngest of them, which are not completely begun. */
  #waiting: MemoryTransfer[] = [];
  #accesses: Access[] = [];
  #accessBytes = 0;
  #lastAccess = 0;
  #over: Error | undefined;

  /** @param adapter that of the first link. */
  constructor(carrier: MemoryCarrier, adapter: OneSidedMemory) {
    this.#carrier = carrier;
    this.#adapter = adapter;
  }

  get waits(): boolean {
    return this.#ready ? this.#waiting.length > 0 : this.#unfinished.size > 0;
  }

  run(reads: boolean, memory: number, offset: number, data: Uint8Array): Promise<void> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    if (data.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const after = this.#carrier.issued;
      const transfer = new MemoryTransfer({ reads, memory, offset, data, after, resolve, reject });
      this.#unfinished.add(transfer);
      if (!this.#ready || this.#waiting.length > 0 || !this.#begin(transfer)) {
        this.#waiting.push(transfer);
      }
    });
  }

  lost(): void {
    if (this.#ready) this.#lostAdapter = this.#adapter;
    this.#adapter = undefined;
    this.#ready = false;
    this.#memory.clear();
    this.#accesses = [];
    this.#accessBytes = 0;
  }

  /** Another link: the peer says next where its memory is. */
  attach(adapter: OneSidedMemory | undefined, peerHandled: number): void {
    this.#adapter = adapter;
    for (const transfer of this.#unfinished) {
      // It has handled a frame that came behind the data.
      if (transfer.isBegun && transfer.after < peerHandled) this.#finishWrite(transfer);
    }
  }

  /** Begin what waits; frames issued before it leave first. */
  pump(): void {
    if (!this.#ready) {
      for (const { after } of this.#unfinished) {
        this.#carrier.release(after);
        return;
      }
    }
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      this.#carrier.release(first.after);
      if (!this.#begin(first)) return;
      this.#waiting.shift();
    }
  }

  /** Nothing is begun any more. */
  close(error: Error): void {
    this.#over ??= error;
    for (const transfer of this.#ready ? this.#waiting : this.#unfinished) {
      this.#finish(transfer, error);
    }
    this.#waiting = [];
  }

  /** Nothing goes on any more. */
  end(error: Error): void {
    this.close(error);
    for (const transfer of this.#unfinished) transfer.reject(error);
    this.#unfinished.clear();
  }

  onExposed(memory: number, ranges: readonly ExposedRange[]): void {
    this.#memory.expose(memory, ranges);
  }

  onWithdrawn(memory: number): void {
    this.#memory.withdraw(memory);
  }

  /**
   * @param carriedOut number of the last access by frames that the peer has carried out.
   * @param progresses how far its adapters came.
   */
  onAllExposed(carriedOut: number, progresses: readonly AdapterProgress[]): void {
    const missing = (this.#lastAccess - carriedOut) >>> 0;
    if (this.#ready || missing > WINDOW_BYTES) {
      throw new ProtocolViolationError(`access ${carriedOut} to memory cannot be the last one`);
    }
    this.#lastAccess = carriedOut;
    this.#ready = true;
    this.#waiting = [];
    const adapter = this.#lostAdapter;
    const position = progresses.find(({ id }) => id === adapter?.peerId)?.position;
    for (const transfer of this.#unfinished) {
      const { lastAccess, interruption } = transfer;
      const tookEffect =
        lastAccess === undefined
          ? position !== undefined && interruption && adapter?.tookEffect?.(interruption, position)
          : isUpTo(lastAccess, carriedOut);
      if (transfer.isBegun && tookEffect && this.#finishWrite(transfer)) continue;
      if (transfer.error === undefined && transfer.run < MAX_RUNS) {
        transfer.restart();
        this.#waiting.push(transfer);
      } else {
        const text = `DMA: ${MAX_RUNS} links did not carry it to its end`;
        this.#finish(transfer, transfer.error ?? new DmaFaultError(EIO, text));
      }
    }
    this.#carrier.proceed();
  }

  onDone(number: number, data: Uint8Array): void {
    const access = this.#answered(number);
    const { transfer } = access;
    if (data.length !== (transfer.reads ? access.data.length : 0)) {
      throw new ProtocolViolationError(`${data.length} bytes for access ${number} to memory`);
    }
    if (transfer.reads) access.data.set(data);
    this.#pieceEnded(transfer, transfer.run, undefined);
    this.#carrier.proceed();
  }

  onRefused(number: number): void {
    const { transfer } = this.#answered(number);
    this.#pieceEnded(transfer, transfer.run, new DmaFaultError(EFAULT, 'the peer refuses it'));
    this.#carrier.proceed();
  }

  /** Accesses are answered in order. */
  #answered(number: number): Access {
    const access = this.#accesses.shift();
    if (access?.number !== number) {
      throw new ProtocolViolationError(`an answer to access ${number} to memory, out of turn`);
    }
    this.#accessBytes -= access.data.length;
    return access;
  }

  /** @returns whether all of it is begun; otherwise it waits. */
  #begin(transfer: MemoryTransfer): boolean {
    const { memory, data } = transfer;
    const ranges = this.#memory.rangesOf(memory);
    if (ranges === undefined) {
      const text = 'DMA: the peer does not expose this memory any more';
      this.#finish(transfer, new DmaFaultError(EFAULT, text));
      return true;
    }
    while (!transfer.isBegun && transfer.error === undefined) {
      const start = transfer.offset + transfer.begun;
      const left = data.length - transfer.begun;
      const range = this.#adapter && ranges.find((each) => start < each.offset + each.length);
      if (range !== undefined && start >= range.offset) {
        // An adapter would overtake frames that the peer has yet to process.
        if (this.#accesses.length > 0) return false;
        const bytes = Math.min(left, range.offset + range.length - start);
        this.#beginCopy(transfer, range, start - range.offset, bytes);
      } else {
        const end = range?.offset ?? Number.POSITIVE_INFINITY;
        const bytes = Math.min(left, MAX_ACCESS_BYTES, end - start);
        if (this.#accessBytes + bytes > WINDOW_BYTES) return false;
        this.#beginAccess(transfer, start, bytes);
      }
    }
    return true;
  }

  /** By the adapter of this link. */
  #beginCopy(transfer: MemoryTransfer, range: ExposedRange, offset: number, bytes: number): void {
    const { reads, run } = transfer;
    const piece = this.#take(transfer, bytes);
    transfer.lastAccess = undefined;
    const copy = reads
      ? this.#adapter?.read(range, offset, piece)
      : this.#adapter?.write(range, offset, piece);
    copy?.then(
      () => this.#pieceEnded(transfer, run, undefined),
      (error) => {
        // Anything else is the end of the link: it is run again.
        if (error instanceof DmaFaultError) this.#pieceEnded(transfer, run, error);
        else if (run === transfer.run) transfer.interruption = error;
      },
    );
  }

  /** By frames. */
  #beginAccess(transfer: MemoryTransfer, start: number, bytes: number): void {
    const { reads, memory } = transfer;
    const data = this.#take(transfer, bytes);
    const number = (this.#lastAccess + 1) >>> 0;
    this.#lastAccess = number;
    transfer.lastAccess = number;
    this.#accesses.push({ number, transfer, data });
    this.#accessBytes += bytes;
    const head = encodeAccess(memory, start, bytes);
    if (reads) this.#carrier.sendLinkFrame(LinkFrameKind.MEMORY_READ, number, head);
    else this.#carrier.sendLinkFrame(LinkFrameKind.MEMORY_WRITE, number, head, data);
  }

  #take(transfer: MemoryTransfer, bytes: number): Uint8Array {
    const { begun, data } = transfer;
    transfer.begun += bytes;
    transfer.pieces++;
    return bytes === data.length ? data : data.subarray(begun, begun + bytes);
  }

  /** @param run in which it was begun. */
  #pieceEnded(transfer: MemoryTransfer, run: number, error: Error | undefined): void {
    if (run !== transfer.run) return;
    transfer.pieces--;
    transfer.error ??= error;
    if (transfer.pieces > 0 || !(transfer.isBegun || transfer.error)) return;
    this.#finish(transfer, transfer.error);
  }

  /** @returns whether it is a write, which is over once the data are there. */
  #finishWrite(transfer: MemoryTransfer): boolean {
    if (!transfer.reads) this.#finish(transfer, transfer.error);
    return !transfer.reads;
  }

  #finish(transfer: MemoryTransfer, error: Error | undefined): void {
    if (!this.#unfinished.delete(transfer)) return;
    if (error === undefined) transfer.resolve();
    else transfer.reject(error);
  }
}

/** Whether one number of an access is not after the other; they begin anew at 2^32. */
function isUpTo(number: number, last: number): boolean {
  return (last - number) >>> 0 < 2 ** 31;
}
