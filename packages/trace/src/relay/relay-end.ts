import {
  type Connection,
  type Descriptor,
  type Frame,
  type FrameSink,
  VfioUserError,
} from '@vfio-user/core';
import { closeAll } from '@vfio-user/core/internal';
import type { RelaySide } from '../packet.js';
import type { RelayObserver } from './relay-observer.js';

/**
 * Why reading from a side is paused: the other is not connected yet or full, or the observer holds
 * the session.
 */
type StopReason = 'awaits' | 'full' | 'held';

/** Forwards from one side of a relayed session to the other. */
export class RelayEnd implements FrameSink {
  readonly #side: RelaySide;
  readonly #observer: RelayObserver;
  readonly #descriptorsAreOptional: boolean;
  readonly #stops = new Set<StopReason>();
  error: Error | undefined;
  connection: Connection | undefined;
  opposite: RelayEnd | undefined;
  hasEnded = false;

  constructor(side: RelaySide, observer: RelayObserver, descriptorsAreOptional: boolean) {
    this.#side = side;
    this.#observer = observer;
    this.#descriptorsAreOptional = descriptorsAreOptional;
  }

  connected(connection: Connection): void {
    this.connection = connection;
    if (this.#stops.size > 0) connection.pause();
  }

  stop(reason: StopReason): void {
    this.#stops.add(reason);
    this.connection?.pause();
  }

  go(reason: StopReason): void {
    if (this.#stops.delete(reason) && this.#stops.size === 0) this.connection?.resume();
  }

  onFrame(frame: Frame): void {
    this.#observer.onFrame(this.#side, frame);
    const to = this.opposite?.connection;
    const descriptors = this.#passable(frame.descriptors, to);
    if (descriptors === undefined) return;
    const { bytes, start, length } = frame;
    // All of it as the head, which is copied if it cannot be sent at once: the frame is valid during this call only.
    const message = bytes.subarray(start, start + length);
    if (to?.send(message, undefined, descriptors) === false) this.stop('full');
  }

  onDrain(): void {
    this.opposite?.go('full');
  }

  onClose(error?: Error): void {
    this.hasEnded = true;
    this.error = error;
    const { opposite } = this;
    if (opposite?.hasEnded === false) void opposite.connection?.close();
    else this.#observer.onEnd(opposite?.error ?? error);
  }

  /** The descriptors to pass on with a message; `undefined` when it cannot be passed on without those that cannot. */
  #passable(
    descriptors: readonly Descriptor[],
    to: Connection | undefined,
  ): readonly Descriptor[] | undefined {
    const limit = to?.capabilities.maxDescriptors ?? 0;
    if (descriptors.length <= limit) return descriptors;
    closeAll(descriptors);
    if (this.#descriptorsAreOptional) return [];
    const text =
      `the ${this.#side} passed ${descriptors.length} descriptor(s), the other side takes ${limit}: ` +
      'memory and interrupts would be missing. Both sides must be UNIX sockets, or use a bridge';
    (this.connection ?? to)?.abort(new VfioUserError('VFU_UNSUPPORTED', text));
    return undefined;
  }
}
