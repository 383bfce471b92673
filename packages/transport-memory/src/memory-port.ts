import {
  type Descriptor,
  ProtocolViolationError,
  type SharedResources,
  VfioUserError,
} from '@vfio-user/core';
import { descriptorOfEach } from '@vfio-user/core/internal';
import type { FrameAssembler, StreamEvents, StreamPort } from '@vfio-user/core/transport';
import type { Channel, Receiver, SentFrame } from './channel.js';
import { memoryDescriptor } from './memory-descriptor.js';

/** Overwrites a frame once its handler has returned, to expose handlers that keep it. */
const STALE = 0xdd;

/** What one end of a connection is made of. */
export interface MemoryPortParts {
  readonly peer: string;
  readonly resources: SharedResources | undefined;
  readonly maxFrameBytes: number;
  readonly incoming: Channel;
  readonly outgoing: Channel;
}

/** One end of an in-process connection: the two ends share two channels. */
export class MemoryPort implements StreamPort, Receiver {
  readonly gathers = false;
  readonly resources: SharedResources | undefined;
  readonly #parts: MemoryPortParts;
  readonly #events: StreamEvents;
  #paused = false;
  /** What is being received, and how much of it was read. */
  #frame: SentFrame | undefined;
  #read = 0;

  constructor(parts: MemoryPortParts, events: StreamEvents) {
    this.resources = parts.resources;
    this.#parts = parts;
    this.#events = events;
    parts.outgoing.onDelivered = () => events.onSent();
  }

  get queuedBytes(): number {
    return this.#parts.outgoing.queuedBytes;
  }

  get paused(): boolean {
    return this.#paused;
  }

  start(): void {
    this.#parts.incoming.connect(this);
  }

  send(head: Uint8Array, data: Uint8Array, descriptors: readonly Descriptor[]): void {
    const { maxFrameBytes, outgoing } = this.#parts;
    const length = head.length + data.length;
    if (length > maxFrameBytes) {
      throw new RangeError(`a frame of ${length} bytes, at most ${maxFrameBytes} can be sent`);
    }
    const moved = descriptorOfEach(descriptors, (given) => memoryDescriptor(given).move());
    outgoing.pushFrame({ head: head.slice(), data, descriptors: moved });
  }

  push(): void {}

  read(assembler: FrameAssembler): boolean {
    if (this.#frame === undefined) return false;
    const { head, data, descriptors } = this.#frame;
    const length = head.length + data.length;
    // As long as there is room, frames lie one behind the other, as in the buffer of a stream.
    if (assembler.space < length) assembler.reserve();
    const [source, from] =
      this.#read < head.length ? [head, this.#read] : [data, this.#read - head.length];
    const piece = source.subarray(from, from + assembler.space);
    assembler.bytes.set(piece, assembler.end);
    assembler.commit(piece.length, this.#read === 0 ? descriptors : undefined);
    this.#read += piece.length;
    if (this.#read === length) this.#frame = undefined;
    return true;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#parts.incoming.schedule();
  }

  end(): void {
    this.#parts.outgoing.end();
    this.#events.onEnd();
  }

  destroy(error: Error | undefined): void {
    const { incoming, outgoing } = this.#parts;
    if (error === undefined) outgoing.end();
    else outgoing.abort();
    incoming.close();
  }

  deliverFrame(frame: SentFrame): void {
    const { assembler } = this.#events;
    this.#frame = frame;
    this.#read = 0;
    this.#events.onReceived();
    const { pendingBytes, end } = assembler;
    const length = frame.head.length + frame.data.length;
    if (pendingBytes === 0 && end >= length) {
      assembler.bytes.fill(STALE, end - length, end);
    } else if (pendingBytes > 0 && this.#events.state === 'open') {
      const text = `${this.#parts.peer}: a frame of ${length} bytes, its header says another length`;
      this.#events.onGone(new ProtocolViolationError(text));
    }
  }

  deliverEnd(): void {
    this.#events.onEnd();
  }

  /** Unlike an orderly end, this reaches also an end that has paused. */
  deliverAbort(): void {
    this.#events.onGone(new VfioUserError('VFU_PEER_CLOSED', `${this.#parts.peer}: peer aborted`));
  }
}
