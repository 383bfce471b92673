/** A capture has 16 bits for the number of a session. */
const MAX_SESSION = 0xffff;

/** Sessions that may go on and are remembered, at most. */
const MAX_REMEMBERED = 64;

/** A session that may go on over another connection. */
export interface RememberedSession {
  readonly session: number;
  readonly key: string;
  /** What observes its newest connection. */
  connection: object;
}

/** Numbers sessions, and finds those that go on by their id, which is a secret and never leaves this. */
export class SessionNumbers {
  readonly #remembered = new Map<string, RememberedSession>();
  #last = 0;

  next(): number {
    this.#last = (this.#last % MAX_SESSION) + 1;
    return this.#last;
  }

  find(id: Uint8Array): RememberedSession | undefined {
    return this.#remembered.get(keyOf(id));
  }

  remember(id: Uint8Array, session: number, connection: object): RememberedSession {
    const [first] = this.#remembered.keys();
    if (first !== undefined && this.#remembered.size >= MAX_REMEMBERED) {
      this.#remembered.delete(first);
    }
    const remembered = { session, key: keyOf(id), connection };
    this.#remembered.set(remembered.key, remembered);
    return remembered;
  }

  forget({ key }: RememberedSession): void {
    this.#remembered.delete(key);
  }
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id).toString('latin1');
}
