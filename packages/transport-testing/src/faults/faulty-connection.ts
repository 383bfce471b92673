import type {
  Connection,
  Descriptor,
  Frame,
  FrameSink,
  SharedResources,
  TransportCapabilities,
} from '@vfio-user/core';
import { DelayedFrames } from './delayed-frames.js';

const INJECTED = new Error('a fault was injected');

/** Wraps a connection, and injects faults in both directions. */
export class FaultyConnection implements Connection, FrameSink {
  readonly #faults: TransportFaults;
  readonly #delay: DelayedFrames | undefined;
  readonly #connection: Connection;
  readonly #sink: FrameSink;
  #frames = 0;
  #drainDue = false;
  #ended = false;

  constructor(
    inner: Connection,
    faults: TransportFaults,
    accept: (connection: Connection) => FrameSink,
  ) {
    this.#connection = inner;
    this.#faults = faults;
    if (faults.delayTurns !== undefined) {
      this.#delay = new DelayedFrames(faults.delayTurns, {
        onFrame: (frame) => this.#sink.onFrame(frame),
        onClose: (error) => this.#end(error),
      });
    }
    this.#sink = accept(this);
  }

  get peer(): string {
    return this.#connection.peer;
  }

  get capabilities(): TransportCapabilities {
    const { capabilities } = this.#connection;
    return faultyCapabilities(capabilities, this.#faults);
  }

  get resources(): SharedResources | undefined {
    return this.#connection.resources;
  }

  get bytesMoved(): number | undefined {
    return this.#connection.bytesMoved;
  }

  send(head: Uint8Array, data?: Uint8Array, descriptors?: readonly Descriptor[]): boolean {
    const room = this.#connection.send(head, data, descriptors);
    this.#passed();
    if (this.#faults.alwaysFull !== true) return room;
    if (room) this.#drainLater();
    return false;
  }

  pause(): void {
    this.#delay?.pause();
    this.#connection.pause();
  }

  resume(): void {
    this.#delay?.resume();
    this.#connection.resume();
  }

  close(): Promise<void> {
    this.#delay?.drop();
    if (this.#faults.endTwice === true) void this.#connection.close();
    return this.#connection.close();
  }

  abort(reason: Error): void {
    this.#delay?.drop();
    this.#connection.abort(reason);
    if (this.#faults.endTwice === true) this.#connection.abort(INJECTED);
  }

  onFrame(frame: Frame): void {
    if (this.#delay === undefined) this.#sink.onFrame(frame);
    else this.#delay.frame(frame);
    this.#passed();
  }

  onDrain(): void {
    this.#sink.onDrain();
  }

  onClose(error?: Error): void {
    if (this.#delay === undefined) this.#end(error);
    else this.#delay.end(error);
  }

  #passed(): void {
    this.#frames++;
    const { abortAfterFrames, closeAfterFrames } = this.#faults;
    if (this.#frames === abortAfterFrames) this.abort(INJECTED);
    if (this.#frames === closeAfterFrames) void this.close();
  }

  #drainLater(): void {
    if (this.#drainDue) return;
    this.#drainDue = true;
    setImmediate(() => {
      this.#drainDue = false;
      if (!this.#ended) this.#sink.onDrain();
    });
  }

  #end(error: Error | undefined): void {
    this.#ended = true;
    this.#sink.onClose(error);
  }
}

/** Capabilities of a connection with `faults`. */
function faultyCapabilities(
  capabilities: TransportCapabilities,
  faults: TransportFaults,
): TransportCapabilities {
  if (faults.delayTurns === undefined) return capabilities;
  return { ...capabilities, orderedNotifications: false };
}

/** Faults of each connection of a faulty transport; none by default. */
export interface TransportFaults {
  /** Abort once this many frames have passed, both directions counted. */
  readonly abortAfterFrames?: number;
  /** Close in order once this many frames have passed. */
  readonly closeAfterFrames?: number;
  /**
   * Deliver what arrives this many turns of the event loop later, still in order. Notifications are
   * not delayed, so that they overtake.
   */
  readonly delayTurns?: number;
  /** `send` always asks the caller to stop; the drain follows in the next turn. */
  readonly alwaysFull?: boolean;
  /** Everything that ends a connection is done twice. */
  readonly endTwice?: boolean;
}
