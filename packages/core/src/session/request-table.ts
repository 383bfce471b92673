import { ETIMEDOUT, errnoText } from '../errno.js';
import { ProtocolViolationError, RemoteError, VfioUserError } from '../errors.js';
import { commandName } from '../protocol/constants.js';
import type { ErrorMessage, ReplyMessage } from '../protocol/messages.js';
import type { Descriptor } from '../transport/resources.js';

/** Ids are 16 bits wide ("Header": message ID). */
const ID_COUNT = 0x1_0000;

/** Descriptors that came with a message. A handler takes those it keeps out of the array. */
export type Received = Descriptor[];

/** What becomes of a request of ours. Exactly one of the two is called. */
export interface Requester {
  /** The reply is valid until this returns; descriptors left in `received` are closed. */
  onReply(reply: ReplyMessage, received: Received): void;
  onFailure(error: Error): void;
}

interface Pending {
  readonly command: number;
  /** `undefined` once it was given up: the id stays taken until its late reply arrives. */
  requester: Requester | undefined;
  readonly owner: object | undefined;
  readonly deadline: number;
}

/**
 * The requests of one side that wait for a reply. Ids are the sender's own: the peer's requests may
 * use the same numbers at the same time.
 */
export class RequestTable {
  readonly #pending = new Map<number, Pending>();
  readonly #timeoutMs: number;
  readonly #onStall: (error: Error) => void;
  #nextId = 1;
  #timer: NodeJS.Timeout | undefined;
  #ended: Error | undefined;

  /** @param onStall the peer left a request unanswered for `timeoutMs` (0: wait for ever). */
  constructor(timeoutMs: number, onStall: (error: Error) => void) {
    this.#timeoutMs = timeoutMs;
    this.#onStall = onStall;
  }

  /** Requests under way, given-up ones included. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Take an id for a request that is about to leave.
   * @throws {VfioUserError} when the connection has ended, or no id is free.
   */
  register(command: number, requester: Requester, owner?: object): number {
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#pending.size >= ID_COUNT) {
      throw new VfioUserError('VFU_TIMEOUT', 'the peer leaves too many requests unanswered');
    }
    let id = this.#nextId;
    while (this.#pending.has(id)) id = (id + 1) % ID_COUNT;
    this.#nextId = (id + 1) % ID_COUNT;
    const deadline = this.#timeoutMs > 0 ? performance.now() + this.#timeoutMs : Infinity;
    this.#pending.set(id, { command, requester, owner, deadline });
    if (this.#timeoutMs > 0 && this.#timer === undefined) this.#watch();
    return id;
  }

  settle(message: ReplyMessage | ErrorMessage, received: Received): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if (pending.command !== message.command) {
      this.#onStall(
        new ProtocolViolationError(
          `reply ${message.id} is for ${commandName(message.command)}, the request was ${commandName(pending.command)}`,
        ),
      );
      return;
    }
    this.#pending.delete(message.id);
    if (pending.requester === undefined) return;
    if (message.kind === 'reply') pending.requester.onReply(message, received);
    else pending.requester.onFailure(remoteError(message));
  }

  /** A reply that could not be understood: the request fails, the connection lives. */
  fail(id: number, error: Error): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.requester?.onFailure(error);
  }

  /** Give up the requests of `owner`. */
  cancel(owner: object, error: Error): void {
    for (const pending of this.#pending.values()) {
      if (pending.owner !== owner) continue;
      const requester = pending.requester;
      pending.requester = undefined;
      requester?.onFailure(error);
    }
  }

  /** The connection has ended: everything fails, nothing new starts. */
  end(error: Error): void {
    this.#ended ??= error;
    clearInterval(this.#timer);
    this.#timer = undefined;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const request of pending) request.requester?.onFailure(error);
  }

  #watch(): void {
    this.#timer = setInterval(() => {
      const now = performance.now();
      for (const [id, pending] of this.#pending) {
        if (pending.deadline > now) continue;
        const seconds = this.#timeoutMs / 1000;
        this.#onStall(
          new VfioUserError(
            'VFU_TIMEOUT',
            `${commandName(pending.command)} (id ${id}) was not answered within ${seconds} s (errno ${ETIMEDOUT})`,
          ),
        );
        return;
      }
    }, this.#timeoutMs / 4).unref();
  }
}

function remoteError({ command, errno, text }: ErrorMessage): RemoteError {
  const why = text ?? (errno === 0 ? 'no reason given' : errnoText(errno));
  return new RemoteError(`the peer refused ${commandName(command)}: ${why}`, errno);
}
