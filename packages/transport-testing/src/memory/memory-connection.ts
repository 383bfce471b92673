import {
  type Descriptor,
  type FrameSink,
  type Framing,
  ProtocolViolationError,
  type SharedResources,
  type TransportCapabilities,
  VfioUserError,
} from '@vfio-user/core';
import { type NewConnection, type Opening, OpeningPhase } from '@vfio-user/core/internal';
import { Channel, type Receiver, type SentFrame } from './channel.js';
import { type MemoryDescriptor, memoryDescriptor } from './memory-descriptor.js';
import type { MemoryHandles } from './memory-handles.js';
import { MemoryResources } from './memory-resources.js';
import { ReceivedFrame } from './received-frame.js';

export interface MemoryConnectionOptions {
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly framing: Framing;
  readonly handles: MemoryHandles;
}

/** One end of an in-process connection. Made in pairs: see {@link join}. */
export class MemoryConnection implements NewConnection, Receiver {
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly resources: SharedResources | undefined;
  /** What this end sends. */
  readonly outgoing: Channel;
  readonly #framing: Framing;
  readonly #frame = new ReceivedFrame();
  readonly #ended: Promise<void>;
  #resolveEnded: () => void = () => {};
  #other: MemoryConnection | undefined;
  #opening: OpeningPhase | undefined;
  /** What the peer has sent of its greeting. */
  #greeting = new Uint8Array(0);
  #sink: FrameSink | undefined;
  #isPaused = false;
  #open = true;

  constructor({ peer, capabilities, framing, handles }: MemoryConnectionOptions) {
    this.peer = peer;
    this.capabilities = capabilities;
    this.#framing = framing;
    this.outgoing = new Channel(() => {
      if (this.#open) this.#sink?.onDrain();
    });
    this.resources = capabilities.fdPassing
      ? new MemoryResources(this.outgoing, capabilities.orderedNotifications, handles)
      : undefined;
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  join(other: MemoryConnection): void {
    this.#other = other;
    other.#other = this;
  }

  /** From here on what the other end sends is delivered: its greeting, if there is one, and frames. */
  open(opening: Opening): void {
    this.#opening = new OpeningPhase(this.peer, opening, (error) => this.abort(error));
    const { greeting } = this.#opening;
    if (greeting !== undefined) this.send(greeting);
    else this.#sink = this.#opening.advance({ shakeHands: () => true }, nothing);
    this.#other?.outgoing.connect(this);
  }

  send(head: Uint8Array, data?: Uint8Array, descriptors: readonly Descriptor[] = []): boolean {
    const moved = this.#checked(head.length + (data?.length ?? 0), descriptors);
    return this.outgoing.pushFrame({ head: head.slice(), data, descriptors: moved });
  }

  get paused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#other?.outgoing.schedule();
  }

  close(): Promise<void> {
    if (this.#open) {
      this.outgoing.end();
      this.#end();
    }
    return this.#ended;
  }

  abort(reason: Error): void {
    if (!this.#open) return;
    this.outgoing.close();
    this.#end(reason);
    this.#other?.peerAborted();
  }

  /** Unlike an orderly end, this reaches also an end that has paused. */
  peerAborted(): void {
    if (this.#open) this.#end(new VfioUserError('VFU_PEER_CLOSED', `${this.peer}: peer aborted`));
  }

  deliverEnd(): void {
    this.#end();
  }

  deliverFrame(sent: SentFrame): void {
    if (this.#sink === undefined) {
      this.#receiveGreeting(sent);
      return;
    }
    const { head, data, descriptors } = sent;
    this.#frame.fill(head, data, descriptors);
    try {
      this.#checkLength();
    } catch (error) {
      for (const descriptor of descriptors) descriptor.close();
      this.abort(error as Error);
      return;
    }
    try {
      this.#sink.onFrame(this.#frame);
    } finally {
      this.#frame.spoil();
    }
  }

  /** `onClose` runs in a later turn: whoever ended the connection has returned by then. */
  #end(error?: Error): void {
    this.#open = false;
    this.outgoing.end();
    this.#other?.outgoing.close();
    setImmediate(() => {
      if (this.#sink === undefined) this.#opening?.fail(error);
      else this.#sink.onClose(error);
      this.#resolveEnded();
    });
  }

  #receiveGreeting({ head, data = new Uint8Array(0), descriptors }: SentFrame): void {
    for (const descriptor of descriptors) descriptor.close();
    this.#greeting = Buffer.concat([this.#greeting, head, data]);
    try {
      this.#sink = this.#opening?.advance(
        { shakeHands: (handshake) => this.#isGreeting(handshake.consume(this.#greeting)) },
        (answer) => this.send(answer),
      );
    } catch (error) {
      this.abort(error as Error);
    }
  }

  /** Frames are whole here, and so are greetings. */
  #isGreeting(bytes: number | undefined): boolean {
    if (bytes === undefined || bytes === this.#greeting.length) return bytes !== undefined;
    throw new ProtocolViolationError(`${this.peer}: bytes behind a greeting, in one frame with it`);
  }

  /** Takes over the descriptors, whatever becomes of the frame. */
  #checked(length: number, descriptors: readonly Descriptor[]): readonly MemoryDescriptor[] {
    const { maxFrameBytes, maxDescriptors } = this.capabilities;
    try {
      if (length > maxFrameBytes) {
        throw new RangeError(`a frame of ${length} bytes, at most ${maxFrameBytes} can be sent`);
      }
      if (descriptors.length > maxDescriptors) {
        throw new RangeError(`${descriptors.length} descriptors, at most ${maxDescriptors} can go`);
      }
      return descriptors.map((descriptor) => memoryDescriptor(descriptor).move());
    } catch (error) {
      for (const descriptor of descriptors) descriptor.close();
      throw error;
    }
  }

  #checkLength(): void {
    const { length, start, view } = this.#frame;
    const { headerBytes } = this.#framing;
    const announced = length < headerBytes ? headerBytes : this.#framing.frameLength(view, start);
    if (announced === length) return;
    throw new ProtocolViolationError(
      `${this.peer}: a frame of ${length} bytes, its header says ${announced}`,
    );
  }
}

function nothing(): void {}
