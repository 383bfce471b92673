import type { Socket } from 'node:net';
import type { Units } from './units.js';

interface DelayedChunk {
  readonly bytes: Uint8Array;
  readonly due: number;
}

/** One direction of a relayed link. */
export class Pipe {
  readonly #source: Socket;
  readonly #target: Socket;
  readonly units: Units;
  readonly #onCut: () => void;
  #isDropped = false;
  /** Present while nothing is passed on. */
  #held: Uint8Array[] | undefined;
  #delayMs = 0;
  #delayed: DelayedChunk[] = [];
  #timer: NodeJS.Timeout | undefined;
  #onHeld: (() => void) | undefined;
  #onMoved: (() => void) | undefined;

  /** @param onCut everything up to the cut has left. */
  constructor(source: Socket, target: Socket, units: Units, onCut: () => void) {
    this.#source = source;
    this.#target = target;
    this.units = units;
    this.#onCut = onCut;
    source.on('data', (bytes: Uint8Array) => this.#take(bytes));
  }

  /** Read on, and pass nothing on for ever. */
  drop(): void {
    this.#isDropped = true;
    this.#held = undefined;
    this.#delayed = [];
    this.#source.resume();
  }

  /** Keep what arrives until {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  /** Resolves when something is held, or never will be. */
  holding(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isDropped || this.#held?.length) resolve();
      else this.#onHeld = resolve;
    });
  }

  /** Resolves when something arrives, or never will. */
  moved(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isDropped) resolve();
      else this.#onMoved = resolve;
    });
  }

  /** As {@link hold}, and read nothing. */
  stall(): void {
    this.hold();
    this.#source.pause();
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const bytes of held) this.#pass(bytes);
    if (!this.#target.writableNeedDrain) this.#source.resume();
  }

  /** Pass on what arrives so many milliseconds later. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** The source has sent all it will. */
  end(): void {
    if (this.#isDropped) return;
    // What is delayed or held is lost with a connection that its peer has closed.
    this.#target.end();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#isDropped = true;
    this.#onHeld?.();
    this.#onMoved?.();
  }

  #take(bytes: Uint8Array): void {
    if (this.#isDropped) return;
    this.#onMoved?.();
    const cut = this.units.push(bytes);
    if (cut !== undefined) {
      this.#isDropped = true;
      this.#target.write(bytes.subarray(0, cut), () => this.#onCut());
      return;
    }
    if (this.#held !== undefined) {
      this.#held.push(bytes);
      this.#onHeld?.();
    } else if (this.#delayMs > 0 || this.#delayed.length > 0) {
      this.#later(bytes);
    } else {
      this.#pass(bytes);
    }
  }

  #later(bytes: Uint8Array): void {
    this.#delayed.push({ bytes, due: performance.now() + this.#delayMs });
    if (this.#delayed.length === 1) this.#schedule();
  }

  #schedule(): void {
    const [next] = this.#delayed;
    if (next === undefined) return;
    this.#timer = setTimeout(
      () => {
        const first = this.#delayed.shift();
        if (first !== undefined) this.#pass(first.bytes);
        this.#schedule();
      },
      Math.max(0, next.due - performance.now()),
    );
  }

  #pass(bytes: Uint8Array): void {
    if (this.#isDropped || this.#target.destroyed) return;
    if (this.#target.write(bytes)) return;
    this.#source.pause();
    this.#target.once('drain', () => {
      if (this.#held === undefined) this.#source.resume();
    });
  }
}
