import type { KnownCommand, ReplyBodies, RequestMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { ReceivedDescriptors } from '../session/request-table.js';
import { closeAll, type Descriptor } from '../transport/resources.js';

/** The reply to a request. */
export interface Answer<Body = ReplyBodies[KnownCommand]> {
  readonly body: Body;
  readonly descriptors?: readonly Descriptor[];
}

/** Carries out a request. Removes the descriptors it keeps from `received`. */
export type RequestHandler = (
  request: RequestMessage,
  received: ReceivedDescriptors,
) => Answer | Promise<Answer>;

/** A task that changes the session's state. */
export interface ControlTask {
  run(): void | Promise<void>;
  /** Called instead if the session has ended first: release resources. */
  drop(): void;
}

/**
 * Carries out the requests that change the session's state one after the other, and answers them.
 * Nearly all finish synchronously; behind a slow one (a device that quiesces) the others wait in
 * order. Register accesses bypass it, so the guest is answered meanwhile.
 */
export class ControlRequests {
  readonly #peer: Peer;
  readonly #handle: RequestHandler;
  readonly #maxWaiting: number;
  #waiting: ControlTask[] = [];
  #busy = false;
  #closed = false;
  #congested = false;

  /** @param maxWaiting most waiting requests before the connection is paused. */
  constructor(peer: Peer, maxWaiting: number, handle: RequestHandler) {
    this.#peer = peer;
    this.#maxWaiting = maxWaiting;
    this.#handle = handle;
  }

  /** A request that has to wait outlives the frame it came in. */
  take(request: RequestMessage, received: ReceivedDescriptors): void {
    const owned = this.#busy ? ownedRequest(request) : request;
    const descriptors = received.splice(0);
    this.run({
      run: () => this.#execute(owned, descriptors),
      drop: () => closeAll(descriptors),
    });
    if (this.#waiting.length < this.#maxWaiting) return;
    this.#congested = true;
    this.#peer.connection.pause();
  }

  /** Runs a task of this side between requests. */
  run(task: ControlTask): void {
    if (this.#closed) task.drop();
    else if (this.#busy) this.#waiting.push(task);
    else this.#start(task);
  }

  /** Drops what waits; the running task ends by itself. */
  close(): void {
    this.#closed = true;
    const dropped = this.#waiting;
    this.#waiting = [];
    for (const task of dropped) task.drop();
  }

  #start(task: ControlTask): void {
    const outcome = task.run();
    if (outcome === undefined) return;
    this.#busy = true;
    void outcome.finally(() => {
      this.#busy = false;
      while (!this.#busy) {
        const next = this.#waiting.shift();
        if (next === undefined) return;
        this.#start(next);
      }
    });
  }

  #execute(request: RequestMessage, descriptors: ReceivedDescriptors): void | Promise<void> {
    const finish = (): void => {
      closeAll(descriptors);
      if (!this.#congested || this.#waiting.length > 0) return;
      this.#congested = false;
      this.#peer.connection.resume();
    };
    try {
      const outcome = this.#handle(request, descriptors);
      if (outcome instanceof Promise) {
        return outcome
          .then((answer) => this.#answer(request, answer))
          .catch((error) => this.#refuse(request, error))
          .finally(finish);
      }
      this.#answer(request, outcome);
    } catch (error) {
      this.#refuse(request, error);
    }
    finish();
  }

  #answer({ command, id, noReply }: RequestMessage, { body, descriptors = [] }: Answer): void {
    if (noReply) closeAll(descriptors);
    else this.#peer.reply(command, id, body as ReplyBodies[typeof command], descriptors);
  }

  #refuse({ command, id, noReply }: RequestMessage, error: unknown): void {
    this.#peer.replyError(command, id, noReply, error);
  }
}

/** A copy of a request that outlives the frame it was decoded from: bulk data is copied. */
function ownedRequest(request: RequestMessage): RequestMessage {
  if (request.body === undefined) return request;
  const body: Record<string, unknown> = { ...request.body };
  for (const [name, value] of Object.entries(body)) {
    if (value instanceof Uint8Array) body[name] = value.slice();
  }
  // The same fields with the same types, only the bytes have moved.
  return { ...request, body } as unknown as RequestMessage;
}
