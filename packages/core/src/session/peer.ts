import { publishError } from '../diagnostics/channels.js';
import { RequestWatch } from '../diagnostics/request-watch.js';
import { EIO } from '../errno.js';
import {
  DmaFaultError,
  errnoOf,
  ProtocolViolationError,
  RequestRefusedError,
  VfioUserError,
} from '../errors.js';
import type { Logger } from '../logger.js';
import type { EncodedMessage, Encoding } from '../protocol/encoding.js';
import { commandName, ExtensionCommand, isHousekeeping } from '../protocol/enums.js';
import type {
  KnownCommand,
  Message,
  ReplyBodies,
  RequestBodies,
  RequestMessage,
} from '../protocol/messages.js';
import { closeAll, type Descriptor } from '../transport/resources.js';
import type { Connection, Frame } from '../transport/transport.js';
import type { SessionExtensions } from './extensions.js';
import { KeepAliveMonitor } from './keep-alive.js';
import type { NegotiatedConnection, NegotiatedEncoding } from './negotiated-encoding.js';
import { OneWayWindow } from './one-way-window.js';
import { type ReceivedDescriptors, type Requester, RequestTable } from './request-table.js';
import type { ResumableConnection } from './resumable-connection.js';
import { SendRoom } from './send-room.js';
import type { SessionSink } from './session-events.js';

/** Never modified: nothing is removed from an empty array. */
const NOTHING_RECEIVED: ReceivedDescriptors = [];

export interface PeerHandlers {
  /** Descriptors left in `received` afterwards are closed. */
  onRequest(request: RequestMessage, received: ReceivedDescriptors): void;
  /** A request could not be decoded; it was answered with an error. */
  onMalformedRequest?(): void;
  onClose(error?: Error): void;
}

export interface PeerOptions {
  readonly logger: Logger;
  /** Timeout of requests, ms; 0: none. */
  readonly timeoutMs: number;
  /**
   * How long nothing at all may be received while a reply is owed, before the connection counts as
   * lost, ms; 0: for ever. Default {@link timeoutMs}.
   */
  readonly silenceMs?: number;
  /** Stop reading while the peer does not read what we send. */
  readonly pauseWhenBackedUp: boolean;
  /** Whether {@link timeoutMs} includes the time without a link. Default: false. */
  readonly countsInterruptions?: boolean;
}

/**
 * One end of a session: requests and replies in both directions over one connection. Replies are
 * matched by direction and id, so neither side's requests wait for the other's.
 */
export class Peer implements SessionSink {
  readonly connection: Connection;
  readonly negotiated: NegotiatedEncoding;
  /** The connection, if it survives its link. */
  readonly session: ResumableConnection | undefined;
  readonly encoding: Encoding;
  readonly requests: RequestTable;
  /** The messages without a reply, in both directions. */
  readonly oneWay: OneWayWindow;
  readonly #logger: Logger;
  readonly #handlers: PeerHandlers;
  readonly #pauseWhenBackedUp: boolean;
  readonly #countsInterruptions: boolean;
  readonly #watch = new RequestWatch();
  readonly #room: SendRoom;
  /** Absent where the connection itself is watched. */
  readonly #keepAlive: KeepAliveMonitor | undefined;
  #framesReceived = 0;
  /** Number of requests sent before the last frame was received. */
  #sentBefore = 0;
  #closed = false;

  constructor(
    { connection, negotiated, session }: NegotiatedConnection,
    handlers: PeerHandlers,
    options: PeerOptions,
  ) {
    this.connection = connection;
    this.negotiated = negotiated;
    this.session = session;
    this.encoding = negotiated.encoding;
    this.#handlers = handlers;
    this.#logger = options.logger;
    this.#pauseWhenBackedUp = options.pauseWhenBackedUp;
    this.#countsInterruptions = options.countsInterruptions ?? false;
    const { timeoutMs: replyMs, silenceMs = replyMs } = options;
    this.requests = new RequestTable(options.timeoutMs, (error) => this.abort(error));
    this.oneWay = new OneWayWindow(negotiated.extensions);
    this.#room = new SendRoom(this.oneWay);
    this.#keepAlive = negotiated.extensions.resumes
      ? undefined
      : new KeepAliveMonitor(this, negotiated.extensions, { replyMs, silenceMs });
  }

  get extensions(): SessionExtensions {
    return this.negotiated.extensions;
  }

  /** Whether interrupts can be signalled on this connection, by descriptor or by message. */
  get carriesInterrupts(): boolean {
    return this.extensions.interrupts || this.connection.resources !== undefined;
  }

  /** Incremented whenever something is received. */
  get signsOfLife(): number {
    return this.#framesReceived + (this.connection.bytesMoved ?? 0);
  }

  /** Whether a request was sent after the last frame was received. */
  get awaitsReply(): boolean {
    return this.requests.sent > this.#sentBefore;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Send a request; `requester` gets the outcome. Returns `false` when the send queue is full: send
   * no more until {@link drained}.
   * @throws {VfioUserError} `VFU_PEER_CLOSED` after the end, `VFU_TIMEOUT` when no id is free.
   */
  request<C extends KnownCommand>(
    command: C,
    body: RequestBodies[C],
    requester: Requester,
    descriptors?: readonly Descriptor[],
    owner?: object,
  ): boolean {
    const id = this.requests.register(command, requester, owner);
    try {
      return this.#send(this.encoding.encodeRequest(command, id, body), descriptors);
    } catch (error) {
      this.requests.withdraw(id);
      throw error;
    }
  }

  /**
   * Send a request without a reply ("Header": No_reply). Returns `false` when the send queue or the
   * peer's window is full: send no more until {@link drained}.
   * @throws {VfioUserError} `VFU_PEER_CLOSED` after the end.
   */
  post<C extends KnownCommand>(command: C, body: RequestBodies[C]): boolean {
    if (this.#closed) throw new VfioUserError('VFU_PEER_CLOSED', 'the connection has ended');
    const message = this.encoding.encodeRequest(command, 0, body, true);
    const bytes = message.head.length + (message.data?.length ?? 0);
    const roomLeft = this.#send(message);
    return isHousekeeping(command) || (this.oneWay.send(bytes) && roomLeft);
  }

  reply<C extends KnownCommand>(
    command: C,
    id: number,
    body: ReplyBodies[C],
    descriptors?: readonly Descriptor[],
  ): void {
    const message = this.encoding.encodeReply(command, id, body);
    const roomLeft = this.#send(message, descriptors);
    this.#watch.answered(id, message, 0);
    if (!roomLeft && this.#pauseWhenBackedUp) this.connection.pause();
  }

  /** Send an error reply. Logs it unless it is a common mistake of peers. */
  replyError(command: number, id: number, noReply: boolean, error: unknown): void {
    const errno = errnoOf(error);
    const text = error instanceof Error ? error.message : String(error);
    const fields = { command: commandName(command), errno };
    if (errno === EIO) this.#logger.error({ ...fields, err: error }, 'a request failed');
    else this.#logger.warn({ ...fields, reason: text }, 'refused a request');
    // DMA faults are published where they occur.
    if (!(error instanceof DmaFaultError)) publishError(error, this.connection);
    if (noReply) {
      this.#watch.refusedOneWay(errno);
      return;
    }
    const message = this.encoding.encodeError(command, id, errno, text);
    this.#send(message);
    this.#watch.answered(id, message, errno);
  }

  /** Resolves when there is room in the send queue and in the peer's window, or after the end. */
  drained(): Promise<void> {
    return this.#room.drained();
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  abort(reason: Error): void {
    this.connection.abort(reason);
  }

  onFrame(frame: Frame): void {
    const received = frame.descriptors.length === 0 ? NOTHING_RECEIVED : [...frame.descriptors];
    this.#framesReceived++;
    this.#sentBefore = this.requests.sent;
    try {
      this.#dispatch(this.encoding.decode(frame), frame.length, received);
    } finally {
      closeAll(received);
    }
  }

  onDrain(): void {
    if (this.#pauseWhenBackedUp) this.connection.resume();
    this.#room.drain();
  }

  onInterrupted(): void {
    if (!this.#countsInterruptions) this.requests.suspend();
  }

  onContinued(): void {
    if (!this.#countsInterruptions) this.requests.resume();
  }

  onClose(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    if (error !== undefined) publishError(error, this.connection);
    this.#keepAlive?.end();
    const text = `the connection has ended${error ? `: ${error.message}` : ''}`;
    this.requests.end(new VfioUserError('VFU_PEER_CLOSED', text, { cause: error }));
    this.#room.end();
    this.#handlers.onClose(error);
  }

  #dispatch(message: Message, bytes: number, received: ReceivedDescriptors): void {
    switch (message.kind) {
      case 'request':
        if (isHousekeeping(message.command)) {
          this.#handleSessionMessage(message);
          return;
        }
        this.#watch.begin(message, bytes, this.connection);
        this.#handlers.onRequest(message, received);
        if (message.noReply) this.#handledOneWay(message.command, bytes);
        return;
      case 'reply':
      case 'error':
        this.requests.settle(message, received);
        return;
      case 'malformed': {
        if (message.isRequest) {
          this.#watch.begin(message, bytes, this.connection);
          const error = new RequestRefusedError(message.errno, message.reason);
          this.replyError(message.command, message.id, message.noReply, error);
          this.#handlers.onMalformedRequest?.();
          if (message.noReply) this.#handledOneWay(message.command, bytes);
        } else {
          this.requests.fail(message.id, new ProtocolViolationError(message.reason));
        }
      }
    }
  }

  /** Handles messages about the session itself, which are not passed on. */
  #handleSessionMessage(message: RequestMessage): void {
    if (message.command === ExtensionCommand.KEEP_ALIVE) {
      this.#keepAlive?.onMessage(message.body);
    } else if (message.command === ExtensionCommand.ACKNOWLEDGE) {
      this.oneWay.acknowledge(message.body);
      this.#room.wake();
    }
  }

  #handledOneWay(command: number, bytes: number): void {
    this.#watch.handledOneWay();
    if (isHousekeeping(command) || this.#closed) return;
    const due = this.oneWay.handle(bytes);
    if (due !== undefined) this.post(ExtensionCommand.ACKNOWLEDGE, due);
  }

  #send(message: EncodedMessage, descriptors?: readonly Descriptor[]): boolean {
    const roomLeft = this.connection.send(message.head, message.data, descriptors);
    if (!roomLeft) this.#room.backedUp();
    return roomLeft;
  }
}
