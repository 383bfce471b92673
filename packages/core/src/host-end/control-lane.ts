import type { KnownCommand, ReplyBodies, RequestMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { Received } from '../session/request-table.js';
import type { Descriptor } from '../transport/resources.js';
import { ControlQueue, type ControlTask } from './control-queue.js';
import { ownedRequest } from './owned-request.js';

/** What a request is answered with. */
export interface Answer {
  readonly body: ReplyBodies[KnownCommand];
  readonly descriptors?: readonly Descriptor[];
}

/** Carries out a request. Descriptors it keeps are taken out of `received`. */
export type RequestHandler = (
  request: RequestMessage,
  received: Received,
) => Answer | Promise<Answer>;

/** Takes requests through the control queue, answers them, and gives their descriptors back. */
export class ControlLane {
  readonly #peer: Peer;
  readonly #handle: RequestHandler;
  readonly #maxWaiting: number;
  readonly #queue = new ControlQueue();
  #congested = false;

  /** @param maxWaiting requests that wait before the connection stops being read. */
  constructor(peer: Peer, maxWaiting: number, handle: RequestHandler) {
    this.#peer = peer;
    this.#maxWaiting = maxWaiting;
    this.#handle = handle;
  }

  /** Behind a request that takes its time, a request outlives the frame it came in. */
  take(request: RequestMessage, received: Received): void {
    const owned = this.#queue.idle ? request : ownedRequest(request);
    const descriptors = received.splice(0);
    this.#queue.run({
      run: () => this.#execute(owned, descriptors),
      drop: () => closeAll(descriptors),
    });
    if (this.#queue.length < this.#maxWaiting) return;
    this.#congested = true;
    this.#peer.connection.pause();
  }

  /** Something of our own that must not happen while a request is carried out. */
  run(task: ControlTask): void {
    this.#queue.run(task);
  }

  close(): void {
    this.#queue.close();
  }

  #execute(request: RequestMessage, descriptors: Received): void | Promise<void> {
    const finish = (): void => {
      closeAll(descriptors);
      if (!this.#congested || this.#queue.length > 0) return;
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

function closeAll(descriptors: readonly Descriptor[]): void {
  for (const descriptor of descriptors) descriptor.close();
}
