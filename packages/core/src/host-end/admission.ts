import { deferred } from '../deferred.js';
import { EBUSY } from '../errno.js';
import { RequestRefusedError, type VfioUserError } from '../errors.js';
import { PendingConnections } from '../transport/pending-connections.js';
import type { ServerLimits } from './limits.js';

/** A connection that may become a client. */
export interface PendingClient {
  /** Who it is, for logs and for others who have to wait. */
  readonly name: string;
  /** It is a client from now on. */
  admit(): void;
  /** It is told why it cannot be one, and its connection ends as soon as its peer lets it. */
  refuse(why: RequestRefusedError): void;
  /** End its connection at once. */
  drop(reason: Error): void;
  /** End its connection after what is queued. */
  close(): void;
}

export interface AdmissionOptions {
  readonly limits: Pick<
    ServerLimits,
    'maxSilentConnections' | 'maxWaitingClients' | 'busyTimeoutMs'
  >;
  /** Most clients at a time. */
  readonly maxClients: number;
  /** What is full then, for who is told: `the device`, `the bridge`. */
  readonly what: string;
}

/**
 * Who becomes a client, of a server or of a bridge. A connection counts from its VERSION on: until
 * then it is one of a few that may be dropped at any time, and takes nobody's place. Clients that
 * come while all places are taken wait a moment, since one that was killed and restarted may be
 * back before its old connection is seen to end.
 */
export class Admission<C extends PendingClient> {
  readonly #options: AdmissionOptions;
  readonly #silent: PendingConnections;
  /** Their peer may leave them open for a while. */
  readonly #refused: PendingConnections;
  /** In the order of their VERSION, with what ends the wait. */
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

  /** Those that are served, also while what they leave behind is cleared away. */
  get clients(): ReadonlySet<C> {
    return this.#clients;
  }

  /** Clients since the start. */
  get admittedCount(): number {
    return this.#admittedCount;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get silentCount(): number {
    return this.#silent.size;
  }

  /** A connection that has not said anything. */
  arrived(client: C): void {
    if (this.#ended !== undefined) client.drop(this.#ended);
    else this.#silent.add(client, (reason) => client.drop(reason));
  }

  /** Its VERSION came. It is admitted or refused, now or later. */
  apply(client: C): void {
    if (!this.#silent.delete(client)) return;
    const { limits, maxClients } = this.#options;
    if (this.#clients.size < maxClients) {
      this.#admit(client);
    } else if (this.#waiting.size >= limits.maxWaitingClients) {
      this.#refuse(client);
    } else {
      const timer = setTimeout(() => {
        this.#waiting.delete(client);
        this.#refuse(client);
      }, limits.busyTimeoutMs);
      this.#waiting.set(client, timer.unref());
    }
  }

  /** Its connection has ended. A client keeps its place until it is {@link released}. */
  left(client: C): void {
    this.#silent.delete(client);
    this.#refused.delete(client);
    clearTimeout(this.#waiting.get(client));
    this.#waiting.delete(client);
  }

  /** Nothing is left of a client: it is the turn of the next. */
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

  /** Let nobody in any more and end all connections. Resolves when all clients are released. */
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
    const who =
      this.#clients.size === 1 && first !== undefined
        ? `another client, ${first.name}`
        : `${this.#clients.size} clients, no more at a time`;
    return new RequestRefusedError(EBUSY, `${what} serves ${who}`);
  }
}
