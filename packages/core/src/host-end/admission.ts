import { deferred } from '../deferred.js';
import { EBUSY } from '../errno.js';
import { RequestRefusedError, type VfioUserError } from '../errors.js';
import { PendingConnections } from '../transport/pending-connections.js';
import type { ServerLimits } from './limits.js';

/** A connection that is not admitted as a client yet. */
export interface PendingClient {
  /** Name for logs, and for the error of clients that have to wait. */
  readonly name: string;
  /** Until when the session is kept although its link is lost; `undefined` while it has one. */
  readonly heldUntil?: Date | undefined;
  /** The connection is a client from now on. */
  admit(): void;
  /** Refuse it; the connection ends once the peer has read the error. */
  refuse(why: RequestRefusedError): void;
  /** Abort the connection. */
  drop(reason: Error): void;
  /** Close the connection once what is queued is sent. */
  close(): void;
}

export interface AdmissionOptions {
  readonly limits: Pick<
    ServerLimits,
    'maxSilentConnections' | 'maxWaitingClients' | 'busyTimeoutMs'
  >;
  /** Most clients at a time. */
  readonly maxClients: number;
  /** What is busy then, for the error: `the device`, `the bridge`. */
  readonly what: string;
}

/**
 * Admission of clients to a server or a bridge. A connection counts once it has sent VERSION; until
 * then it is one of a limited number that may be dropped at any time. Clients that arrive while all
 * places are taken wait for a moment, since a restarted client may be back before the end of its
 * old connection is noticed.
 */
export class Admission<C extends PendingClient> {
  readonly #options: AdmissionOptions;
  readonly #silent: PendingConnections;
  /** Refused connections, which the peer may leave open for a while. */
  readonly #refused: PendingConnections;
  /** In the order of their VERSION, with the timer that ends the wait. */
  readonly #waiting = new Map<C, NodeJS.Timeout>();
  readonly #clients = new Set<C>();
  #admittedCount = 0;
  #ended: Error | undefined;
  readonly #emptied = deferred();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#silent = new PendingConnections(options.limits.maxSilentConnections);
    this.#refused = new PendingConnections(options.limits.maxSilentConnections);
  }

  /** Admitted clients, until their resources are released. */
  get clients(): ReadonlySet<C> {
    return this.#clients;
  }

  /** Number of clients admitted since the start. */
  get admittedCount(): number {
    return this.#admittedCount;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get silentCount(): number {
    return this.#silent.size;
  }

  /** A new connection, before VERSION. */
  arrived(client: C): void {
    if (this.#ended !== undefined) client.drop(this.#ended);
    else this.#silent.add(client, (reason) => client.drop(reason));
  }

  /** Whether all places are taken. */
  get full(): boolean {
    return this.#clients.size >= this.#options.maxClients;
  }

  get waiting(): Iterable<C> {
    return this.#waiting.keys();
  }

  /** The next free place is for this waiting client. */
  prefer(client: C): void {
    const timer = this.#waiting.get(client);
    if (timer === undefined) return;
    const others = [...this.#waiting].filter(([other]) => other !== client);
    this.#waiting.clear();
    for (const [other, otherTimer] of [[client, timer] as const, ...others]) {
      this.#waiting.set(other, otherTimer);
    }
  }

  /**
   * Its VERSION was received: admits or refuses it, now or later.
   * @param isNext the next free place is for it, however many wait.
   */
  apply(client: C, isNext = false): void {
    if (!this.#silent.delete(client)) return;
    const { limits } = this.#options;
    if (!this.full) {
      this.#admit(client);
    } else if (this.#waiting.size >= limits.maxWaitingClients && !isNext) {
      this.#refuse(client);
    } else {
      const timer = setTimeout(() => {
        this.#waiting.delete(client);
        this.#refuse(client);
      }, limits.busyTimeoutMs);
      this.#waiting.set(client, timer.unref());
      if (isNext) this.prefer(client);
    }
  }

  /** Its connection has ended. A client keeps its place until it is {@link released}. */
  left(client: C): void {
    this.#silent.delete(client);
    this.#refused.delete(client);
    clearTimeout(this.#waiting.get(client));
    this.#waiting.delete(client);
  }

  /** All resources of a client are released: admits the next one. */
  released(client: C): void {
    if (!this.#clients.delete(client)) return;
    if (this.#ended !== undefined) {
      if (this.#clients.size === 0) this.#emptied.resolve();
      return;
    }
    for (const [next, timer] of this.#waiting) {
      clearTimeout(timer);
      this.#waiting.delete(next);
      this.#admit(next);
      return;
    }
  }

  /** Refuse new clients and end all connections. Resolves when all clients are released. */
  async close(reason: VfioUserError): Promise<void> {
    this.#ended = reason;
    this.#silent.dropAll(reason);
    this.#refused.dropAll(reason);
    for (const [client, timer] of this.#waiting) {
      clearTimeout(timer);
      client.drop(reason);
    }
    this.#waiting.clear();
    if (this.#clients.size === 0) return;
    for (const client of this.#clients) client.close();
    await this.#emptied.promise;
  }

  #admit(client: C): void {
    this.#clients.add(client);
    this.#admittedCount += 1;
    client.admit();
  }

  #refuse(client: C): void {
    const why = this.#busy();
    this.#refused.add(client, () => client.drop(why));
    client.refuse(why);
  }

  #busy(): RequestRefusedError {
    const { what } = this.#options;
    const [first] = this.#clients;
    if (this.#clients.size !== 1 || first === undefined) {
      const text = `${what} serves ${this.#clients.size} clients, no more at a time`;
      return new RequestRefusedError(EBUSY, text);
    }
    const { name, heldUntil } = first;
    const text =
      heldUntil === undefined
        ? `${what} serves another client, ${name}`
        : `${what} is held for ${name}, whose link is lost, until ${heldUntil.toISOString()}`;
    return new RequestRefusedError(EBUSY, text);
  }
}
