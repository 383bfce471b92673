import { VfioUserError } from '../errors.js';

/**
 * Connections whose peer has not said yet what it is, oldest first. There are so many at most: the
 * oldest makes room for the next, so whoever opens connections and says nothing keeps nobody out.
 */
export class PendingConnections {
  readonly #limit: number;
  readonly #drops = new Map<object, (reason: Error) => void>();

  /** @param limit most at a time, at least 1. */
  constructor(limit: number) {
    this.#limit = Math.max(1, limit);
  }

  get size(): number {
    return this.#drops.size;
  }

  /** `drop` ends the connection if it is still pending when its place is needed. */
  add(connection: object, drop: (reason: Error) => void): void {
    for (const oldest of this.#drops.keys()) {
      if (this.#drops.size < this.#limit) break;
      const text = `${this.#limit} newer connections have not said yet what they are either: it made room`;
      this.#drop(oldest, new VfioUserError('VFU_TIMEOUT', text));
    }
    this.#drops.set(connection, drop);
  }

  /** It has said what it is, or has ended. Returns whether it was pending. */
  delete(connection: object): boolean {
    return this.#drops.delete(connection);
  }

  /** Nobody is awaited any more. */
  dropAll(reason: Error): void {
    for (const connection of this.#drops.keys()) this.#drop(connection, reason);
  }

  #drop(connection: object, reason: Error): void {
    const drop = this.#drops.get(connection);
    this.#drops.delete(connection);
    drop?.(reason);
  }
}
