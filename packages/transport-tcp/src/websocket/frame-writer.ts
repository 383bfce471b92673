import { randomFillSync } from 'node:crypto';
import type { StreamPort } from '@vfio-user/core/transport';
import { MAX_HEADER_BYTES, Opcode, writeHeader } from './frame-header.js';
import { AHEAD_BYTES, MaskRing, PIECE_BYTES } from './mask-ring.js';
import { MASK_BYTES, mask } from './masking.js';

/** Up to this size a message is passed on as a head, which is copied. */
const COPY_BYTES = 4096;
/** Masking keys that are drawn at once. */
const KEYS = 1024;

/** What waits to be masked. */
interface Waiting {
  readonly head: Uint8Array;
  readonly data: Uint8Array;
}

/**
 * Sends a byte stream as messages of a WebSocket. A client masks them, no earlier than they can be
 * sent: what waits for the peer stays where it is.
 */
export class FrameWriter {
  readonly #below: StreamPort;
  readonly #masks: MaskRing | undefined;
  readonly #scratch = new Uint8Array(MAX_HEADER_BYTES + COPY_BYTES);
  readonly #keys = new Uint8Array(KEYS * MASK_BYTES);
  #nextKey = this.#keys.length;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;

  /** @param masks whether it is a client's. */
  constructor(below: StreamPort, masks: boolean) {
    this.#below = below;
    if (masks) this.#masks = new MaskRing();
  }

  /** Bytes passed to {@link write} and not sent. */
  get queuedBytes(): number {
    return this.#below.queuedBytes + this.#waitingBytes;
  }

  /** Send in one or more messages. `data` is borrowed until it is sent. */
  write(head: Uint8Array, data: Uint8Array, more: boolean): void {
    if (this.#waiting.length > 0) {
      this.#wait(head.slice(), data);
      return;
    }
    let first = head;
    let from = 0;
    do {
      if (this.#mayNotMask()) {
        this.#wait(first.slice(), data.subarray(from));
        return;
      }
      const end = Math.min(data.length, from + Math.max(0, PIECE_BYTES - first.length));
      this.#send(Opcode.BINARY, first, data.subarray(from, end), more || end < data.length);
      first = NO_BYTES;
      from = end;
    } while (from < data.length);
  }

  /** Something was sent: go on with what waits. */
  resume(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0 || this.#mayNotMask()) return;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { head, data } of waiting) this.write(head, data, true);
    this.#below.push();
  }

  /** Send a control frame at once. */
  control(opcode: number, payload: Uint8Array): void {
    this.#send(opcode, payload, NO_BYTES, false);
    this.#below.push();
  }

  #mayNotMask(): boolean {
    return this.#masks !== undefined && this.#below.queuedBytes > AHEAD_BYTES;
  }

  #wait(head: Uint8Array, data: Uint8Array): void {
    this.#waiting.push({ head, data });
    this.#waitingBytes += head.length + data.length;
  }

  #send(opcode: number, head: Uint8Array, data: Uint8Array, more: boolean): void {
    const length = head.length + data.length;
    const key = this.#masks === undefined ? undefined : this.#key();
    // A head may be as long as what is kept of a session.
    const target =
      head.length <= COPY_BYTES ? this.#scratch : new Uint8Array(MAX_HEADER_BYTES + head.length);
    const start = writeHeader(target, opcode, length, key);
    place(head, target, start, key, 0);
    if (start + length <= target.length) {
      place(data, target, start + head.length, key, head.length);
      this.#below.send(target.subarray(0, start + length), NO_BYTES, NONE, more);
    } else {
      const sent = key === undefined ? data : this.#masked(data, key, head.length);
      this.#below.send(target.subarray(0, start + head.length), sent, NONE, more);
    }
  }

  #masked(data: Uint8Array, key: Uint8Array, phase: number): Uint8Array {
    const masks = this.#masks as MaskRing;
    return masks.mask(data, key, phase, this.#below.queuedBytes === 0);
  }

  #key(): Uint8Array {
    if (this.#nextKey === this.#keys.length) {
      randomFillSync(this.#keys);
      this.#nextKey = 0;
    }
    this.#nextKey += MASK_BYTES;
    return this.#keys.subarray(this.#nextKey - MASK_BYTES, this.#nextKey);
  }
}

/** Copy, masked if there is a key. */
function place(
  source: Uint8Array,
  target: Uint8Array,
  at: number,
  key: Uint8Array | undefined,
  phase: number,
): void {
  if (key === undefined) target.set(source, at);
  else mask(source, target, at, key, phase);
}

const NO_BYTES = new Uint8Array(0);
const NONE = [] as const;
