import { SendFlag, type SendRequest, type WriteRequest } from 'node-rdma-ffi';
import type { AdapterBuffer, QueuePair } from '../verbs.js';
import { InterruptedTransferError, type RdmaTransfer } from './rdma-transfer.js';
import { StagingRing } from './staging-ring.js';

/** A completion is asked for at least this often: it frees everything posted before. */
const SIGNAL_EVERY = 32;
/** A completion is also requested after this fraction of the memory. */
const SIGNAL_EVERY_PART = 8;
/** Requests kept for messages without data. */
const SPARE_REQUESTS = 16;
/** Packets are numbered modulo this. */
const PACKET_NUMBERS = 2 ** 24;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Parts of a {@link SendQueue}. */
export interface SendQueueParts {
  readonly queuePair: QueuePair;
  readonly staging: AdapterBuffer;
  readonly stagingKey: number;
  /** Requests that may be posted and not completed. A power of two. */
  readonly maxSend: number;
}

/**
 * The posted requests that have not completed, in order. An adapter completes the requests of a
 * queue pair in order, so their memory is a ring.
 */
export class SendQueue {
  readonly #parts: SendQueueParts;
  readonly #ring: StagingRing;
  readonly #mask: number;
  /** Ring bytes and transfer of each posted request, by its number. */
  readonly #taken: Int32Array;
  readonly #lengths: Int32Array;
  readonly #places: Int32Array;
  readonly #transfers: (RdmaTransfer | undefined)[];
  readonly #targets: Float64Array;
  /** The packet after the last one of each posted request. */
  readonly #packets: Int32Array;
  /** Reused for each message: posting allocates nothing. */
  readonly #message: Mutable<SendRequest>;
  /** The same for each RDMA READ or WRITE. */
  readonly #copy: Mutable<WriteRequest>;
  #first = 0;
  #next = 0;
  #unsignaled = 0;
  #unsignaledBytes = 0;
  #mtuBytes = 1;
  /** The next packet, and the first one of what has not completed. */
  #nextPacket = 0;
  #firstPacket = 0;

  constructor(parts: SendQueueParts) {
    const { maxSend, staging, stagingKey } = parts;
    this.#parts = parts;
    const local = { id: 0, address: staging.address, length: 0, localKey: stagingKey, flags: 0 };
    this.#message = { ...local, immediate: 0 };
    this.#copy = { ...local, remoteAddress: 0, remoteKey: 0 };
    this.#ring = new StagingRing(staging.bytes.length);
    this.#mask = maxSend - 1;
    this.#taken = new Int32Array(maxSend);
    this.#lengths = new Int32Array(maxSend);
    this.#places = new Int32Array(maxSend);
    this.#targets = new Float64Array(maxSend);
    this.#packets = new Int32Array(maxSend);
    this.#transfers = new Array(maxSend).fill(undefined);
  }

  /** Before anything is posted: the number of the first packet, and what one carries. */
  begin(firstPacket: number, mtuBytes: number): void {
    this.#nextPacket = firstPacket;
    this.#firstPacket = firstPacket;
    this.#mtuBytes = mtuBytes;
  }

  /**
   * Whether the peer had carried out a transfer that failed with `error` when it expected this
   * packet next. A packet that it cannot have expected says nothing.
   */
  tookEffect(error: unknown, packet: number): boolean {
    if (!(error instanceof InterruptedTransferError) || error.end === undefined) return false;
    const distance = (to: number): number => (to - this.#firstPacket) & (PACKET_NUMBERS - 1);
    const expected = distance(packet);
    return expected <= distance(this.#nextPacket) && distance(error.end) <= expected;
  }

  /** Whether everything posted has completed. */
  get idle(): boolean {
    return this.#first === this.#next;
  }

  /**
   * Reserve `length` bytes for the next request.
   * @returns their place, or -1 while it cannot be posted.
   */
  reserve(length: number): number {
    if (this.#next - this.#first > this.#mask - SPARE_REQUESTS) return -1;
    return this.#ring.take(length);
  }

  /** Whether a message without data can be posted. */
  get hasRoomForNotice(): boolean {
    return this.#next - this.#first < this.#mask;
  }

  /** SEND the `length` bytes put at `place`, which was reserved last. */
  postMessage(place: number, length: number, immediate: number): void {
    this.#ring.shrink(place, length);
    const id = this.#note(place, length, undefined, 0, this.#ring.lastTaken);
    this.#postSend(id, place, length, immediate, this.#flags(length, false));
  }

  /** SEND no data. @returns its number, to wait for its completion. */
  postNotice(immediate: number, awaited: boolean): number {
    const id = this.#note(0, 0, undefined, 0, 0);
    this.#postSend(id, 0, 0, immediate, this.#flags(0, awaited));
    return id;
  }

  /** RDMA READ or WRITE of the next `length` bytes of a transfer, by way of `place`. */
  postPart(transfer: RdmaTransfer, place: number, length: number): void {
    const { queuePair, staging } = this.#parts;
    const from = transfer.posted;
    transfer.posted += length;
    const request = this.#copy;
    request.id = this.#note(place, length, transfer, from, this.#ring.lastTaken);
    if (transfer.left === 0) transfer.end = this.#nextPacket;
    request.address = staging.address + place;
    request.length = length;
    request.remoteAddress = transfer.remoteAddress + from;
    request.remoteKey = transfer.remoteKey;
    if (transfer.reads) {
      this.#unsignaled = 0;
      this.#unsignaledBytes = 0;
      request.flags = SendFlag.SIGNALED;
      queuePair.postRead(request);
      return;
    }
    const { data } = transfer;
    staging.bytes.set(length === data.length ? data : data.subarray(from, from + length), place);
    request.flags = this.#flags(length, transfer.left === 0);
    queuePair.postWrite(request);
  }

  /** All requests up to this one have completed. */
  complete(id: number): void {
    while (this.#first <= id) {
      const index = this.#first++ & this.#mask;
      const transfer = this.#transfers[index];
      if (transfer !== undefined) {
        this.#transfers[index] = undefined;
        this.#finish(transfer, index);
      }
      this.#ring.release(this.#taken[index] as number);
      this.#firstPacket = this.#packets[index] as number;
    }
  }

  /** Fail everything that is not complete. */
  fail(error: Error): void {
    for (; this.#first < this.#next; this.#first++) {
      const index = this.#first & this.#mask;
      this.#transfers[index]?.fail(error);
      this.#transfers[index] = undefined;
    }
  }

  #postSend(id: number, place: number, length: number, immediate: number, flags: number): void {
    const request = this.#message;
    request.id = id;
    request.address = this.#parts.staging.address + place;
    request.length = length;
    request.immediate = immediate;
    request.flags = flags | SendFlag.SOLICITED;
    this.#parts.queuePair.postSend(request);
  }

  #finish(transfer: RdmaTransfer, index: number): void {
    const length = this.#lengths[index] as number;
    if (transfer.reads) {
      const place = this.#places[index] as number;
      const { bytes } = this.#parts.staging;
      transfer.data.set(bytes.subarray(place, place + length), this.#targets[index] as number);
    }
    transfer.completed(length);
  }

  #note(
    place: number,
    length: number,
    transfer: RdmaTransfer | undefined,
    target: number,
    taken: number,
  ): number {
    const id = this.#next++;
    const index = id & this.#mask;
    this.#taken[index] = taken;
    this.#lengths[index] = length;
    this.#places[index] = place;
    this.#targets[index] = target;
    this.#transfers[index] = transfer;
    const packets = length <= this.#mtuBytes ? 1 : Math.ceil(length / this.#mtuBytes);
    this.#nextPacket = (this.#nextPacket + packets) & (PACKET_NUMBERS - 1);
    this.#packets[index] = this.#nextPacket;
    return id;
  }

  #flags(length: number, awaited: boolean): number {
    const { queuePair, staging } = this.#parts;
    const inline = length <= queuePair.maxInline ? SendFlag.INLINE : 0;
    this.#unsignaledBytes += length;
    const due =
      ++this.#unsignaled >= SIGNAL_EVERY ||
      this.#unsignaledBytes * SIGNAL_EVERY_PART >= staging.bytes.length;
    if (!awaited && !due) return inline;
    this.#unsignaled = 0;
    this.#unsignaledBytes = 0;
    return inline | SendFlag.SIGNALED;
  }
}
