import type { Socket } from 'node:net';

/** Faults of one direction; none by default. */
export interface ByteFaults {
  /** Pass on at most this many bytes at a time, each in a turn of its own. */
  readonly pieceBytes?: number;
  /** Collect what arrives for this many turns of the event loop and pass it on in one piece. */
  readonly glueTurns?: number;
  /** End both sides once this many bytes have been passed on. */
  readonly cutAfterBytes?: number;
}

/** One direction of a relayed connection. */
export class BytePipe {
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #faults: ByteFaults;
  readonly #onCut: () => void;
  #held: Uint8Array[] = [];
  #passed = 0;
  #busy = false;
  #sourceEnded = false;
  #stalled = false;

  constructor(source: Socket, target: Socket, faults: ByteFaults, onCut: () => void) {
    this.#source = source;
    this.#target = target;
    this.#faults = faults;
    this.#onCut = onCut;
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('end', () => {
      this.#sourceEnded = true;
      this.#next();
    });
    if (faults.cutAfterBytes === 0) onCut();
  }

  stall(): void {
    this.#stalled = true;
    this.#source.pause();
  }

  resume(): void {
    this.#stalled = false;
    this.#next();
  }

  #take(chunk: Uint8Array): void {
    this.#held.push(chunk);
    if (this.#busy) return;
    if (this.#faults.glueTurns === undefined) {
      this.#source.pause();
      this.#next();
    } else {
      this.#busy = true;
      this.#collect(this.#faults.glueTurns);
    }
  }

  #collect(turns: number): void {
    if (turns > 0) {
      setImmediate(() => this.#collect(turns - 1));
      return;
    }
    this.#busy = false;
    this.#held = [Buffer.concat(this.#held)];
    this.#next();
  }

  /** Pass on the next piece; go on when it has left. */
  #next(): void {
    if (this.#busy || this.#stalled) return;
    const chunk = this.#held.shift();
    if (chunk === undefined) {
      if (this.#sourceEnded) this.#target.end();
      else this.#source.resume();
      return;
    }
    const { pieceBytes = chunk.length, cutAfterBytes = Number.POSITIVE_INFINITY } = this.#faults;
    const length = Math.min(pieceBytes, chunk.length, cutAfterBytes - this.#passed);
    if (length < chunk.length) this.#held.unshift(chunk.subarray(length));
    this.#passed += length;
    this.#busy = true;
    this.#target.write(chunk.subarray(0, length), () => {
      setImmediate(() => {
        this.#busy = false;
        if (this.#passed >= cutAfterBytes) this.#onCut();
        else this.#next();
      });
    });
  }
}
