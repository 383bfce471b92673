import { CREDITS } from '../endpoint/flags.js';

/** How many messages each side may still send, and has yet to allow the other. */
export class Credits {
  readonly #slots: number;
  #available: number;
  #owed = 0;

  /** @param slots of ours, and @param peerSlots of the peer. */
  constructor(slots: number, peerSlots: number) {
    this.#slots = slots;
    this.#available = peerSlots;
  }

  /** No message can be sent for now. */
  get none(): boolean {
    return this.#available === 0;
  }

  /** A message will be sent. */
  use(): void {
    this.#available--;
  }

  /** The peer allows so many more. */
  gained(immediate: number): void {
    this.#available += immediate & CREDITS;
  }

  /** A slot of ours is free again. */
  owe(): void {
    this.#owed++;
  }

  /** The peer would have to wait soon if it is not told. */
  get overdue(): boolean {
    return this.#owed * 2 >= this.#slots;
  }

  /** What to tell the peer with the message that leaves now. */
  settle(): number {
    const told = Math.min(this.#owed, CREDITS);
    this.#owed -= told;
    return told;
  }
}
