import { deferred } from '../deferred.js';
import { PullStream } from '../pull-stream.js';

/** An admitted client. */
export interface ServedClient {
  /** The other end of its connection. */
  readonly peer: string;
  /** Resolves when it has left; the error is absent after an orderly end. */
  readonly left: Promise<Error | undefined>;
}

/** The current clients, then each new one. Ends with the server or bridge. */
export interface ServedClients extends AsyncIterableIterator<ServedClient>, AsyncDisposable {}

interface Served {
  readonly client: ServedClient;
  readonly leave: (error: Error | undefined) => void;
}

interface Follower {
  readonly stream: PullStream<ServedClient>;
  readonly pending: Set<ServedClient>;
}

/** The clients of a server or bridge, as async iterators. */
export class ServedClientList<Key> {
  readonly #served = new Map<Key, Served>();
  readonly #followers = new Set<Follower>();
  #ended = false;

  came(key: Key, peer: string): void {
    const { promise: left, resolve: leave } = deferred<Error | undefined>();
    const client = { peer, left };
    this.#served.set(key, { client, leave });
    for (const { stream, pending } of this.#followers) {
      pending.add(client);
      stream.wake();
    }
  }

  left(key: Key, error: Error | undefined): void {
    const served = this.#served.get(key);
    if (served === undefined) return;
    this.#served.delete(key);
    for (const { pending } of this.#followers) pending.delete(served.client);
    served.leave(error);
  }

  /** A client that leaves before it is taken is skipped, so that memory stays bounded. */
  follow(): ServedClients {
    const pending = new Set([...this.#served.values()].map(({ client }) => client));
    const take = (): ServedClient | undefined => {
      const [next] = pending;
      if (next !== undefined) pending.delete(next);
      return next;
    };
    const stream = new PullStream(take, () => void this.#followers.delete(follower));
    const follower = { stream, pending };
    if (this.#ended) stream.end();
    else this.#followers.add(follower);
    return stream;
  }

  end(): void {
    this.#ended = true;
    for (const { stream } of this.#followers) stream.end();
    this.#followers.clear();
  }
}
