import { ProtocolViolationError } from '../errors.js';
import { type LinkFrame, LinkFrameKind } from '../protocol/portable/link-frames.js';
import {
  decodeAccess,
  decodeProgresses,
  decodeRanges,
  encodeProgresses,
  encodeRanges,
  MAX_PROGRESSES,
  type MemoryAccess,
} from '../protocol/portable/memory-frames.js';
import type {
  AccessRights,
  AdapterProgress,
  ExposedMemory,
  ExposedRange,
  OneSidedMemory,
} from '../transport/one-sided.js';
import type { MappedMemory } from '../transport/resources.js';
import { type MemoryCarrier, SessionTransfers } from './session-transfers.js';

/** Memory of this side that the peer may access. */
interface Exposure {
  readonly memory: MappedMemory;
  readonly rights: AccessRights;
  /** With the adapter of the present link. */
  registered: ExposedMemory | undefined;
}

/**
 * One-sided access to memory in a session that survives its links: memory has a number, by which
 * DMA_MAP names it (`key`), and each link says where its adapter finds it. Transfers that a link
 * leaves unfinished are run again over the next one. A link without an adapter carries them in
 * frames.
 */
export class SessionMemory implements OneSidedMemory {
  readonly #carrier: MemoryCarrier;
  readonly #transfers: SessionTransfers;
  readonly #exposures = new Map<number, Exposure>();
  #adapter: OneSidedMemory | undefined;
  #lostAdapter: OneSidedMemory | undefined;
  /** How far those of earlier links came, newest first. */
  #progresses: AdapterProgress[] = [];
  #connected = true;
  #lastNumber = 0;
  /** Number of the last access by frames that was carried out for the peer. */
  #carriedOut = 0;

  /** @param adapter that of the first link. */
  constructor(carrier: MemoryCarrier, adapter: OneSidedMemory) {
    this.#carrier = carrier;
    this.#adapter = adapter;
    this.#transfers = new SessionTransfers(carrier, adapter);
  }

  get description(): string {
    return this.#adapter?.description ?? 'messages, as RDMA was lost';
  }

  /** Transfers wait: frames that are sent now must stay behind them. */
  get waits(): boolean {
    return this.#transfers.waits;
  }

  expose(memory: MappedMemory, rights: AccessRights): ExposedMemory {
    const registered = this.#adapter?.expose(memory, rights);
    if (registered?.ranges.length === 0) return registered;
    const number = this.#unusedNumber();
    const exposure: Exposure = { memory, rights, registered };
    this.#exposures.set(number, exposure);
    if (this.#connected) this.#announce(number, exposure);
    const whole = [{ offset: 0, length: memory.length }];
    const ranges = (registered?.ranges ?? whole).map(({ offset, length }) => {
      return { offset, length, address: 0, key: number };
    });
    return { ranges, close: () => this.#withdraw(number, exposure) };
  }

  read(range: ExposedRange, offset: number, target: Uint8Array): Promise<void> {
    return this.#transfers.run(true, range.key, range.offset + offset, target);
  }

  write(range: ExposedRange, offset: number, source: Uint8Array): Promise<void> {
    return this.#transfers.run(false, range.key, range.offset + offset, source);
  }

  /** The link is lost, and its adapter lets go of the memory. */
  lost(): void {
    this.#lostAdapter = this.#adapter;
    this.#adapter = undefined;
    this.#connected = false;
    for (const exposure of this.#exposures.values()) exposure.registered = undefined;
    this.#transfers.lost();
  }

  /**
   * Another link: before anything else the peer is told where memory is now.
   * @param peerHandled number of frames that the peer has handled.
   */
  attach(adapter: OneSidedMemory | undefined, peerHandled: number): void {
    this.#adapter = adapter;
    this.#connected = true;
    for (const [number, exposure] of this.#exposures) {
      exposure.registered = adapter?.expose(exposure.memory, exposure.rights);
      this.#announce(number, exposure);
    }
    const progress = this.#lostAdapter?.progress;
    this.#lostAdapter = undefined;
    if (progress !== undefined) {
      this.#progresses = [progress, ...this.#progresses].slice(0, MAX_PROGRESSES);
    }
    const progresses = encodeProgresses(this.#progresses);
    this.#carrier.sendLinkFrame(LinkFrameKind.ALL_EXPOSED, this.#carriedOut, progresses);
    this.#transfers.attach(adapter, peerHandled);
  }

  /** Begin what waits; frames sent before it leave first. */
  pump(): void {
    this.#transfers.pump();
  }

  /** The session is being closed: what waits will not happen any more. */
  close(error: Error): void {
    this.#transfers.close(error);
  }

  /** The session has ended. */
  end(error: Error): void {
    this.#connected = false;
    this.#transfers.end(error);
  }

  /**
   * A link frame came in. Kinds that do not concern memory are ignored.
   * @throws {ProtocolViolationError} when it makes no sense.
   */
  onFrame({ kind, value, payload }: LinkFrame): void {
    switch (kind) {
      case LinkFrameKind.EXPOSED:
        this.#transfers.onExposed(value, decodeRanges(payload));
        break;
      case LinkFrameKind.WITHDRAWN:
        this.#transfers.onWithdrawn(value);
        break;
      case LinkFrameKind.ALL_EXPOSED:
        this.#transfers.onAllExposed(value, decodeProgresses(payload));
        break;
      case LinkFrameKind.MEMORY_READ:
        this.#carryOut(value, decodeAccess(payload, false), true);
        break;
      case LinkFrameKind.MEMORY_WRITE:
        this.#carryOut(value, decodeAccess(payload, true), false);
        break;
      case LinkFrameKind.MEMORY_DONE:
        this.#transfers.onDone(value, payload);
        break;
      case LinkFrameKind.MEMORY_REFUSED:
        this.#transfers.onRefused(value);
        break;
    }
  }

  #unusedNumber(): number {
    do this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    while (this.#exposures.has(this.#lastNumber));
    return this.#lastNumber;
  }

  #announce(number: number, { registered }: Exposure): void {
    const ranges = encodeRanges(registered?.ranges ?? []);
    this.#carrier.sendLinkFrame(LinkFrameKind.EXPOSED, number, ranges);
  }

  #withdraw(number: number, exposure: Exposure): void {
    if (this.#exposures.get(number) !== exposure) return;
    this.#exposures.delete(number);
    exposure.registered?.close();
    if (this.#connected) this.#carrier.sendLinkFrame(LinkFrameKind.WITHDRAWN, number);
  }

  #carryOut(access: number, asked: MemoryAccess, reads: boolean): void {
    if (access !== (this.#carriedOut + 1) >>> 0) {
      const text = `access ${access} to memory, after number ${this.#carriedOut}`;
      throw new ProtocolViolationError(text);
    }
    this.#carriedOut = access;
    const data = reads ? new Uint8Array(asked.length) : undefined;
    const kind = this.#isCarriedOut(asked, data)
      ? LinkFrameKind.MEMORY_DONE
      : LinkFrameKind.MEMORY_REFUSED;
    this.#carrier.sendLinkFrame(kind, access, undefined, data);
  }

  /** @param target of a read. */
  #isCarriedOut(asked: MemoryAccess, target: Uint8Array | undefined): boolean {
    const { offset, length, data } = asked;
    const exposure = this.#exposures.get(asked.memory);
    if (exposure === undefined || offset + length > exposure.memory.length) return false;
    const { memory, rights } = exposure;
    if (!(target === undefined ? rights.writable : rights.readable)) return false;
    if (target === undefined) memory.write(offset, data);
    else memory.read(offset, target);
    return true;
  }
}
