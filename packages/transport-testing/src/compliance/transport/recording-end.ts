import type { Connection, Descriptor, Frame, FrameSink } from '@vfio-user/core';
import { Waiter } from '../waiter.js';

/** A frame as it arrived, copied out of the transport's buffer. */
export interface Arrived {
  readonly bytes: Uint8Array;
  readonly descriptors: readonly Descriptor[];
}

/** One end of a connection under test: records what its sink receives. */
export class RecordingEnd implements FrameSink {
  readonly connection: Connection;
  readonly frames: Arrived[] = [];
  /** The argument of each `onClose`. */
  readonly closes: (Error | undefined)[] = [];
  drains = 0;
  /** Called instead of recording the frame. */
  handler: ((frame: Frame) => void) | undefined;
  readonly #waiter = new Waiter();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  onFrame(frame: Frame): void {
    if (this.handler !== undefined) {
      this.handler(frame);
    } else {
      const { bytes, start, length, descriptors } = frame;
      this.frames.push({
        bytes: bytes.slice(start, start + length),
        descriptors: [...descriptors],
      });
    }
    this.#waiter.changed();
  }

  onDrain(): void {
    this.drains++;
    this.#waiter.changed();
  }

  onClose(error?: Error): void {
    this.closes.push(error);
    this.#waiter.changed();
  }

  until(condition: () => boolean, what: string): Promise<void> {
    return this.#waiter.until(condition, what);
  }

  /** Resolves once `count` frames have arrived in all. */
  arrived(count: number): Promise<void> {
    return this.until(() => this.frames.length >= count, `${count} frames`);
  }

  ended(): Promise<void> {
    return this.until(() => this.closes.length > 0, 'the end of the connection');
  }
}

/** The bytes of a frame inside its handler. */
export function bytesOf({ bytes, start, length }: Frame): Uint8Array {
  return bytes.subarray(start, start + length);
}
