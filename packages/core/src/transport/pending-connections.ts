import { VfioUserError } from '../errors.js';

/**
 * Connections whose peer has not identified itself, oldest first. Their number is limited: the
 * oldest is dropped for a new one, so that idle connections cannot block others.
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

  /** @param drop ends the connection if its place is needed. */
  add(connection: object, drop: (reason: Error) => void): void {
    for (const oldest of this.#drops.keys()) {
      if (this.#drops.size < this.#limit) break;
      const text = `${this.#limit} newer connections have not said yet what they are either: it made room`;
      this.#drop(oldest, new VfioUserError('VFU_TIMEOUT', text));
    }
    this.#drops.set(connection, drop);
  }

  /**
   * It was identified or has ended.
   * @returns whether it was pending.
   */
  delete(connection: object): boolean {
    return this.#drops.delete(connection);
  }

  /** Drop all of them. */
  dropAll(reason: Error): void {
    for (const connection of this.#drops.keys()) this.#drop(connection, reason);
  }

  #drop(connection: object, reason: Error): void {
    const drop = this.#drops.get(connection);
    this.#drops.delete(connection);
    drop?.(reason);
  }
}
