import { ProtocolViolationError } from '../errors.js';
import { DescriptorBatches } from './descriptor-batches.js';
import type { Handshake } from './handshake.js';
import { type Descriptor, NO_DESCRIPTORS } from './resources.js';
import type { ReceiveBuffer } from './stream-port.js';
import type { Frame, Framing } from './transport.js';

/** Consecutive frames that fit the initial buffer before a larger one is released. */
const SHRINK_AFTER_FRAMES = 1024;

/** Memory limits of a {@link FrameAssembler}. */
export interface FrameAssemblerLimits {
  /** Largest frame, header included, bytes: limits what a peer can make us allocate. */
  readonly maxFrameBytes: number;
  /** Most descriptors of one frame: limits what a peer can make us keep open. */
  readonly maxDescriptors: number;
  /** Initial buffer size, enough for ordinary traffic, bytes. */
  readonly initialBytes?: number;
}

class ReusedFrame implements Frame {
  bytes: Uint8Array;
  view: DataView;
  start = 0;
  length = 0;
  descriptors: readonly Descriptor[] = NO_DESCRIPTORS;

  constructor(bytes: Uint8Array, view: DataView) {
    this.bytes = bytes;
    this.view = view;
  }
}

/**
 * Cuts a byte stream into frames. A stream transport receives straight into its buffer:
 *
 * ```ts
 * assembler.reserve();
 * const count = read(assembler.bytes, assembler.end, assembler.space);
 * assembler.commit(count);
 * for (let frame = assembler.next(); frame !== undefined; frame = assembler.next()) handle(frame);
 * ```
 *
 * Nothing is allocated or copied per frame, except that the piece of a frame that does not fit at
 * the end of the buffer is moved to its start. The buffer only grows for a frame whose length was
 * accepted.
 */
export class FrameAssembler implements ReceiveBuffer {
  readonly #framing: Framing;
  readonly #limits: FrameAssemblerLimits;
  readonly #initialBytes: number;
  readonly #frame: ReusedFrame;
  readonly #batches: DescriptorBatches;
  /** Position in the stream of the buffer's first byte. */
  #base = 0;
  /** The unconsumed bytes are `[#start, #end)` of the buffer. */
  #start = 0;
  #end = 0;
  /** Bytes from `#start` on that must fit before the next frame can be delivered. */
  #wanted: number;
  #framesSinceLarge = 0;

  constructor(framing: Framing, limits: FrameAssemblerLimits) {
    this.#framing = framing;
    this.#limits = limits;
    this.#initialBytes = Math.max(limits.initialBytes ?? 0x1_0000, framing.headerBytes);
    this.#wanted = framing.headerBytes;
    this.#batches = new DescriptorBatches(framing, limits.maxDescriptors);
    const bytes = new Uint8Array(this.#initialBytes);
    this.#frame = new ReusedFrame(bytes, new DataView(bytes.buffer));
  }

  /** The receive buffer. May be replaced by {@link reserve}. */
  get bytes(): Uint8Array {
    return this.#frame.bytes;
  }

  /** Where in {@link bytes} the next received byte goes. */
  get end(): number {
    return this.#end;
  }

  /** Bytes that may be received there. At least one after {@link reserve}. */
  get space(): number {
    return this.#frame.bytes.length - this.#end;
  }

  /** Bytes received since the beginning. */
  get receivedBytes(): number {
    return this.#base + this.#end;
  }

  /** Bytes received and not yet delivered. If not 0 at the end of the stream, it was truncated. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** Make room, once {@link next} returns `undefined`. Invalidates the last frame. */
  reserve(): void {
    const capacity = this.#frame.bytes.length;
    if (this.#start === this.#end) {
      this.#base += this.#start;
      this.#start = 0;
      this.#end = 0;
      if (capacity > this.#initialBytes && this.#framesSinceLarge >= SHRINK_AFTER_FRAMES) {
        this.#moveTo(this.#initialBytes);
      }
    } else if (this.#wanted > capacity) {
      this.#moveTo(this.#wanted);
    } else if (this.#start + this.#wanted > capacity) {
      this.#frame.bytes.copyWithin(0, this.#start, this.#end);
      this.#rebase();
    }
  }

  /** Account for `count` received bytes and the descriptors received with them. */
  commit(count: number, descriptors?: readonly Descriptor[]): void {
    const from = this.#base + this.#end;
    this.#end += count;
    if (descriptors !== undefined && descriptors.length > 0) {
      this.#batches.add(from, from + count, descriptors);
    }
  }

  /**
   * Pass the received bytes to `handshake`, before the first {@link next}.
   * @returns whether it is complete; otherwise more bytes are needed.
   * @throws {ProtocolViolationError} when the peer uses another protocol.
   */
  consumeHandshake(handshake: Handshake): boolean {
    const available = this.#end - this.#start;
    const taken = handshake.consume(this.#frame.bytes.subarray(this.#start, this.#end));
    this.#wanted = taken === undefined ? available + 1 : this.#framing.headerBytes;
    this.#start += taken ?? 0;
    return taken !== undefined;
  }

  /**
   * The next complete frame, valid until the next call of any method, or `undefined` when more
   * bytes are needed.
   * @throws {ProtocolViolationError} when the stream cannot be split into frames any further.
   */
  next(): Frame | undefined {
    const { view } = this.#frame;
    const available = this.#end - this.#start;
    if (available < this.#framing.headerBytes) {
      this.#wanted = this.#framing.headerBytes;
      return undefined;
    }
    const length = this.#framing.frameLength(view, this.#start);
    this.#checkLength(length);
    if (available < length) {
      this.#wanted = length;
      return undefined;
    }
    let descriptors: readonly Descriptor[] = NO_DESCRIPTORS;
    if (!this.#batches.empty) {
      const wait = this.#batches.decide(view, this.#base, this.#start, this.#end);
      if (wait !== 0) {
        this.#wanted = wait - this.#start;
        return undefined;
      }
      descriptors = this.#batches.take(this.#base + this.#start);
    }
    this.#framesSinceLarge = length > this.#initialBytes ? 0 : this.#framesSinceLarge + 1;
    const frame = this.#frame;
    frame.start = this.#start;
    frame.length = length;
    frame.descriptors = descriptors;
    this.#start += length;
    return frame;
  }

  /** Drop what was received and not delivered, descriptors included. */
  discard(): void {
    this.#start = this.#end;
    this.#wanted = this.#framing.headerBytes;
    this.#batches.release();
  }

  /** The stream has ended: no frame has to wait for more bytes. */
  finish(): void {
    this.#batches.finish();
  }

  /** Close the descriptors that belong to no delivered frame. */
  release(): void {
    this.#batches.release();
  }

  #checkLength(length: number): void {
    if (length > this.#limits.maxFrameBytes) {
      throw new ProtocolViolationError(
        `the peer announces a message of ${length} bytes, the limit is ${this.#limits.maxFrameBytes}`,
      );
    }
    // A frame shorter than its own header would not advance the stream.
    if (!(length >= this.#framing.headerBytes)) {
      throw new ProtocolViolationError(
        `the peer announces a message of ${length} bytes, a header alone has ${this.#framing.headerBytes}`,
      );
    }
  }

  #moveTo(capacity: number): void {
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#frame.bytes.subarray(this.#start, this.#end));
    this.#frame.bytes = bytes;
    this.#frame.view = new DataView(bytes.buffer);
    this.#rebase();
  }

  #rebase(): void {
    this.#base += this.#start;
    this.#end -= this.#start;
    this.#start = 0;
  }
}
