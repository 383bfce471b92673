import { CREDITS } from '../endpoint/flags.js';

/** Flow control of an RDMA connection: how many messages each side may send. */
export class Credits {
  readonly #slots: number;
  #available: number;
  #owed = 0;

  /** @param slots of ours, and @param peerSlots of the peer. */
  constructor(slots: number, peerSlots: number) {
    this.#slots = slots;
    this.#available = peerSlots;
  }

  /** No message can be sent now. */
  get none(): boolean {
    return this.#available === 0;
  }

  /** A message will be sent. */
  use(): void {
    this.#available--;
  }

  /** The peer has granted more credits. */
  gained(immediate: number): void {
    this.#available += immediate & CREDITS;
  }

  /** A receive slot is free again. */
  owe(): void {
    this.#owed++;
  }

  /** Credits should be granted before the peer has to wait. */
  get overdue(): boolean {
    return this.#owed * 2 >= this.#slots;
  }

  /** The credits to grant with the next message. */
  settle(): number {
    const granted = Math.min(this.#owed, CREDITS);
    this.#owed -= granted;
    return granted;
  }
}
