import { ETIMEDOUT, errnoText } from '../errno.js';
import { ProtocolViolationError, RemoteError, VfioUserError } from '../errors.js';
import { Command, commandName } from '../protocol/enums.js';
import type { ErrorMessage, ReplyMessage } from '../protocol/messages.js';
import type { Descriptor } from '../transport/resources.js';
import { turnedAwayText } from './turned-away.js';

/** Ids are 16 bits wide ("Header": message ID). */
const ID_COUNT = 0x1_0000;

/** Descriptors received with a message. A handler removes those it keeps from the array. */
export type ReceivedDescriptors = Descriptor[];

/** Receives the outcome of a request. Exactly one of the two methods is called. */
export interface Requester {
  /** The reply is valid until this returns; descriptors left in `received` are closed. */
  onReply(reply: ReplyMessage, received: ReceivedDescriptors): void;
  onFailure(error: Error): void;
  /** The peer refused after {@link onFailure} had reported a timeout. */
  onLateRefusal?(error: RemoteError): void;
}

interface Pending {
  readonly command: number;
  /** `undefined` once it was cancelled. The id stays in use until the late reply arrives. */
  requester: Requester | undefined;
  /** It has timed out. */
  overdue: boolean;
  readonly owner: object | undefined;
  readonly deadline: number;
}

/**
 * The pending requests of one side. Ids belong to the sender: the peer's requests may use the same
 * numbers at the same time.
 */
export class RequestTable {
  /** In the order sent, and so of their deadlines. */
  readonly #pending = new Map<number, Pending>();
  readonly #timeoutMs: number;
  readonly #onViolation: (error: Error) => void;
  #nextId = 1;
  #sent = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended: Error | undefined;
  /** Total time that the limits stood still, ms. */
  #suspendedMs = 0;
  #suspendedSince: number | undefined;

  /**
   * @param timeoutMs timeout of a request, ms; 0: none. A timeout does not end the connection: see
   * `KeepAliveMonitor`.
   * @param onViolation a reply matches no request.
   */
  constructor(timeoutMs: number, onViolation: (error: Error) => void) {
    this.#timeoutMs = timeoutMs;
    this.#onViolation = onViolation;
  }

  /** Number of requests sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** Number of ids in use: of requests whose reply has not arrived. */
  get idsInUse(): number {
    return this.#pending.size;
  }

  /**
   * Allocate an id for a request.
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
    const deadline = this.#timeoutMs > 0 ? this.#now() + this.#timeoutMs : Infinity;
    this.#pending.set(id, { command, requester, overdue: false, owner, deadline });
    this.#sent++;
    if (this.#timeoutMs > 0 && this.#timer === undefined) this.#watch(this.#timeoutMs);
    return id;
  }

  /** The time limits stand still until {@link resume}. */
  suspend(): void {
    this.#suspendedSince ??= performance.now();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  resume(): void {
    if (this.#suspendedSince === undefined) return;
    this.#suspendedMs += performance.now() - this.#suspendedSince;
    this.#suspendedSince = undefined;
    if (this.#timeoutMs > 0) this.#failOverdue();
  }

  /** A request could not be sent: its id is free again, and its requester is not called. */
  withdraw(id: number): void {
    this.#pending.delete(id);
  }

  settle(message: ReplyMessage | ErrorMessage, received: ReceivedDescriptors): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if (pending.command !== message.command) {
      this.#onViolation(
        new ProtocolViolationError(
          `reply ${message.id} is for ${commandName(message.command)}, the request was ${commandName(pending.command)}`,
        ),
      );
      return;
    }
    this.#pending.delete(message.id);
    const { requester, overdue } = pending;
    if (requester === undefined) return;
    if (message.kind === 'error') {
      if (overdue) requester.onLateRefusal?.(remoteError(message));
      else requester.onFailure(remoteError(message));
    } else if (!overdue) requester.onReply(message, received);
  }

  /** A reply could not be decoded: its request fails, the connection goes on. */
  fail(id: number, error: Error): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (!pending.overdue) pending.requester?.onFailure(error);
  }

  /** Cancel the requests of `owner`. */
  cancel(owner: object, error: Error): void {
    for (const pending of this.#pending.values()) {
      if (pending.owner !== owner) continue;
      const { requester, overdue } = pending;
      pending.requester = undefined;
      if (!overdue) requester?.onFailure(error);
    }
  }

  /** The connection has ended: all requests fail, and new ones are refused. */
  end(error: Error): void {
    this.#ended ??= error;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { requester, overdue } of pending) {
      if (!overdue) requester?.onFailure(error);
    }
  }

  /** `performance.now()`, without the time that the limits stood still. */
  #now(): number {
    return (this.#suspendedSince ?? performance.now()) - this.#suspendedMs;
  }

  #watch(delayMs: number): void {
    clearTimeout(this.#timer);
    // Process received replies first: this process may have been stopped.
    if (this.#suspendedSince !== undefined) return;
    const later = (): void => void setImmediate(() => this.#failOverdue());
    this.#timer = setTimeout(later, delayMs).unref();
  }

  #failOverdue(): void {
    this.#timer = undefined;
    if (this.#ended !== undefined || this.#suspendedSince !== undefined) return;
    const now = this.#now();
    for (const [id, pending] of this.#pending) {
      const { command, requester, deadline } = pending;
      if (pending.overdue || requester === undefined) continue;
      if (deadline > now) {
        this.#watch(Math.ceil(deadline - now));
        return;
      }
      pending.overdue = true;
      const text = `${commandName(command)} (id ${id}) was not answered within ${this.#timeoutMs / 1000} s`;
      requester.onFailure(new VfioUserError('VFU_TIMEOUT', `${text} (errno ${ETIMEDOUT})`));
    }
  }
}

function remoteError({ command, errno, text }: ErrorMessage): RemoteError {
  const say = command === Command.VERSION ? turnedAwayText : errnoText;
  const why = text ?? (errno === 0 ? 'no reason given' : say(errno));
  return new RemoteError(`the peer refused ${commandName(command)}: ${why}`, errno);
}
