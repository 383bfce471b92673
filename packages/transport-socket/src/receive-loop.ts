import { ScheduledTask } from '@vfio-user/core/transport';
import { yieldProcessor } from '@vfio-user/posix-ffi';
import { BusyPolling } from './busy-polling.js';
import { FollowUp } from './follow-up.js';

/**
 * What is received in one turn of the event loop, and for how long, ms: timers, signals and other
 * connections wait for the end of it.
 */
const RECEIVES_PER_TURN = 16;
const TURN_MS = 0.2;

/** Attempts per turn of the event loop while waiting actively. */
const ATTEMPTS_PER_TURN = 2;

const resolved = Promise.resolve();

/** Where messages come from. */
export interface ReceiveSource {
  /** Nothing is received otherwise. */
  readonly receives: boolean;
  /** Look for the end in each turn of the event loop, whether messages come or not. */
  readonly awaitsEnd: boolean;
  /** Receive and handle what is there, without waiting. Returns whether there was something. */
  receive(): boolean;
  /** Send what is gathered. */
  push(): void;
}

/**
 * When to receive: as soon as the event loop says so, or earlier. The next message is looked for
 * once the last one is handled where it tends to be there by then ({@link FollowUp}), and
 * actively, between turns of the event loop, where that is faster ({@link BusyPolling}).
 */
export class ReceiveLoop {
  readonly #source: ReceiveSource;
  readonly #now: () => number;
  readonly #yields: boolean;
  readonly #followsUp: boolean;
  readonly #polling: BusyPolling;
  readonly #followUp = new FollowUp();
  readonly #nextTurn = new ScheduledTask(setImmediate, () => this.#onTurn());
  /** Whatever a message made ready to run by promises and `process.nextTick` runs before the next. */
  readonly #onMicrotask = () => process.nextTick(this.#tick);
  readonly #tick = () => this.#onTick();
  #turnStart = 0;
  #turnReceives = 0;
  /** In this turn, the peer answers when it gets the processor. */
  #yieldsFirst = false;

  /**
   * @param followsUp whether promises run as soon as a message is handled: they come before the next.
   * @param now the time, ms.
   */
  constructor(
    source: ReceiveSource,
    maxSpinUs: number,
    followsUp: boolean,
    now = () => performance.now(),
  ) {
    this.#source = source;
    this.#now = now;
    this.#followsUp = followsUp;
    this.#yields = maxSpinUs > 0;
    this.#polling = new BusyPolling(maxSpinUs);
  }

  /** The event loop has found something to receive. */
  onReady(): void {
    const start = this.#now();
    if (this.#source.receive()) this.#begin(start);
  }

  /** Bytes have arrived, and are handled next. */
  arrived(): void {
    this.#polling.arrived(this.#now());
  }

  /** Look in the next turn of the event loop, whatever it finds. */
  schedule(): void {
    this.#nextTurn.schedule();
  }

  /** While waiting actively, everything else gets its turn between two of these. */
  #onTurn(): void {
    const start = this.#now();
    for (let attempt = 0; attempt < ATTEMPTS_PER_TURN; attempt++) {
      if (this.#source.receive()) {
        this.#begin(start);
        return;
      }
    }
    this.#awaitNext(start);
  }

  #begin(start: number): void {
    this.#turnStart = start;
    this.#turnReceives = 0;
    this.#yieldsFirst = false;
    this.#goOn(this.#now());
  }

  /** A message was handled. */
  #goOn(now: number): void {
    const more = ++this.#turnReceives < RECEIVES_PER_TURN && now - this.#turnStart < TURN_MS;
    if (more && this.#followsUp && this.#source.receives && this.#followUp.handled()) {
      void resolved.then(this.#onMicrotask);
    } else {
      this.#awaitNext(now);
    }
  }

  #onTick(): void {
    // It may be what the peer waits for.
    this.#source.push();
    const found = this.#lookAgain();
    const now = this.#now();
    // Somebody else may have had the processor instead of the peer.
    this.#followUp.attempted(found && now - this.#turnStart < TURN_MS);
    if (found) this.#goOn(now);
    else this.#awaitNext(now);
  }

  #lookAgain(): boolean {
    if (!this.#yieldsFirst && this.#source.receive()) return true;
    const found = this.#yieldAndReceive();
    this.#yieldsFirst = found;
    return found;
  }

  /** The peer may need this processor to answer. */
  #yieldAndReceive(): boolean {
    if (!this.#yields || !this.#source.receives) return false;
    yieldProcessor();
    return this.#source.receive();
  }

  #awaitNext(now: number): void {
    const { receives, awaitsEnd } = this.#source;
    if (receives && (awaitsEnd || this.#polling.pays(now))) this.#nextTurn.schedule();
  }
}
