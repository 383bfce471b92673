import type { Frame, FrameSink } from '@vfio-user/core';

/** A copy of a frame, independent of its transport's buffer. */
function copyOf({ bytes, start, length, descriptors }: Frame): Frame {
  const copy = bytes.slice(start, start + length);
  const view = new DataView(copy.buffer);
  return { bytes: copy, view, start: 0, length, descriptors: [...descriptors] };
}

interface QueuedFrame {
  readonly dueTurn: number;
  /** Absent: the end of the connection. */
  readonly frame: Frame | undefined;
  readonly error: Error | undefined;
}

/** Passes on what arrives a number of turns of the event loop later, in order. */
export class DelayedFrames {
  readonly #turns: number;
  readonly #sink: Pick<FrameSink, 'onFrame' | 'onClose'>;
  readonly #tick = (): void => this.#nextTurn();
  #queue: QueuedFrame[] = [];
  #turn = 0;
  #ticking = false;
  #paused = false;

  constructor(turns: number, sink: Pick<FrameSink, 'onFrame' | 'onClose'>) {
    this.#turns = turns;
    this.#sink = sink;
  }

  frame(frame: Frame): void {
    this.#push(copyOf(frame), undefined);
  }

  end(error: Error | undefined): void {
    this.#push(undefined, error);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#start();
  }

  /** Discard frames not yet delivered; the end still is. */
  drop(): void {
    const dropped = this.#queue;
    this.#queue = dropped.filter(({ frame }) => frame === undefined);
    this.#paused = false;
    for (const { frame } of dropped) {
      for (const descriptor of frame?.descriptors ?? []) descriptor.close();
    }
    this.#start();
  }

  #push(frame: Frame | undefined, error: Error | undefined): void {
    this.#queue.push({ dueTurn: this.#turn + this.#turns, frame, error });
    this.#start();
  }

  #start(): void {
    if (this.#ticking || this.#queue.length === 0) return;
    this.#ticking = true;
    setImmediate(this.#tick);
  }

  #nextTurn(): void {
    this.#ticking = false;
    this.#turn++;
    while (!this.#paused && this.#queue.length > 0) {
      const next = this.#queue[0] as QueuedFrame;
      if (next.dueTurn > this.#turn) break;
      this.#queue.shift();
      if (next.frame === undefined) this.#sink.onClose(next.error);
      else this.#sink.onFrame(next.frame);
    }
    if (!this.#paused) this.#start();
  }
}
