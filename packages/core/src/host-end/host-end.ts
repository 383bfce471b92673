import { type RequestRefusedError, VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { DmaSpace } from '../memory/dma-space.js';
import type { Capabilities } from '../protocol/capabilities.js';
import { Command } from '../protocol/constants.js';
import type { RegionData, RequestMessage } from '../protocol/messages.js';
import { runAll } from '../run-all.js';
import type { NegotiatedConnection } from '../session/negotiated-encoding.js';
import { Peer, type PeerHandlers } from '../session/peer.js';
import type { ReceivedDescriptors } from '../session/request-table.js';
import type { PendingClient } from './admission.js';
import { type AnnouncedLimits, ClientNegotiation } from './client-negotiation.js';
import { type Answer, ControlRequests } from './control-requests.js';
import { DmaMapHandler } from './dma-map-handler.js';
import type { ServerLimits } from './limits.js';
import { Notifiers } from './notifiers.js';

/** What a server or a bridge does for a client. */
export interface ClientHandlers {
  /** It is this client's turn: {@link HostEnd.accept} or {@link HostEnd.refuse}, now or later. */
  onAdmitted(): void;
  /**
   * A request after VERSION: to be answered at once, or handed to {@link HostEnd.control}.
   * Descriptors that are kept are taken out of `received`.
   */
  onRequest(request: RequestMessage, received: ReceivedDescriptors): void;
  /** A request whose turn came in {@link HostEnd.control}. */
  onControlRequest(
    request: RequestMessage,
    received: ReceivedDescriptors,
  ): Answer | Promise<Answer>;
  /** The connection has ended. */
  onClose(error?: Error): void;
}

export interface HostEndOptions {
  readonly limits: ServerLimits;
  readonly logger: Logger;
  /** Where the client's memory goes. */
  readonly space: DmaSpace;
  /** See `DmaMapHandlerOptions`. */
  readonly quiesce?: () => Promise<void> | undefined;
  /** The client has sent VERSION: it can be admitted. */
  readonly onVersion: () => void;
  /** VERSION was agreed on. */
  readonly onServed: () => void;
}

/**
 * What faces one client, from its first byte to the end of the connection: VERSION, the order of its
 * requests, its memory, and how it is notified.
 */
export class HostEnd implements PeerHandlers, PendingClient {
  readonly peer: Peer;
  readonly control: ControlRequests;
  readonly memory: DmaMapHandler;
  readonly notifiers: Notifiers;
  /** The client was in a session before, which was lost. */
  readonly returned: boolean;
  readonly #handlers: ClientHandlers;
  readonly #logger: Logger;
  readonly #onServed: () => void;
  readonly #negotiation: ClientNegotiation;

  constructor(opened: NegotiatedConnection, handlers: ClientHandlers, options: HostEndOptions) {
    const { limits, logger } = options;
    this.#handlers = handlers;
    this.#logger = logger;
    this.#onServed = options.onServed;
    this.returned = opened.negotiated.peerSession !== undefined;
    const timeoutMs = limits.replyTimeoutMs;
    const peer = new Peer(opened, this, { logger, timeoutMs, pauseWhenBackedUp: true });
    this.peer = peer;
    this.notifiers = new Notifiers(peer);
    this.memory = new DmaMapHandler({ ...options, peer });
    this.control = new ControlRequests(peer, limits.maxDeferredRequests, (request, received) =>
      handlers.onControlRequest(request, received),
    );
    this.#negotiation = new ClientNegotiation({
      ...options,
      peer,
      onAgreed: (agreed) => this.memory.connect(agreed),
    });
    this.#negotiation.start();
  }

  /** Who it is, for logs and for others who have to wait. */
  get name(): string {
    return this.peer.connection.peer;
  }

  /** VERSION was agreed on. */
  get negotiated(): boolean {
    return this.#negotiation.client !== undefined;
  }

  /** What the client can do. @throws {VfioUserError} before VERSION. */
  get client(): Capabilities {
    const { client } = this.#negotiation;
    if (client === undefined) {
      throw new VfioUserError('VFU_PROTOCOL_VIOLATION', 'the client has not sent VERSION yet');
    }
    return client;
  }

  /** Whether the client named capabilities in VERSION at all. */
  get namesCapabilities(): boolean {
    return this.#negotiation.namesCapabilities;
  }

  admit(): void {
    this.#handlers.onAdmitted();
  }

  /** Agree to VERSION. Nothing happens if the client has gone meanwhile. */
  accept(limits?: AnnouncedLimits): void {
    this.#negotiation.accept(limits);
    if (this.negotiated) this.#onServed();
  }

  refuse(why: RequestRefusedError): void {
    this.#negotiation.refuse(why);
  }

  drop(reason: Error): void {
    this.peer.abort(reason);
  }

  close(): void {
    void this.peer.close();
  }

  /**
   * Answer "REGION_READ". PCI ordering: a read completion pushes the writes issued before it. The
   * data of small reads need not last any longer than this call.
   */
  replyRead(id: number, body: RegionData | undefined): void {
    if (body === undefined || this.memory.writesHaveLeft) {
      this.peer.reply(Command.REGION_READ, id, body);
    } else {
      const held = { ...body, data: body.data.slice() };
      this.memory.afterWrites(() => this.peer.reply(Command.REGION_READ, id, held));
    }
  }

  onRequest(request: RequestMessage, received: ReceivedDescriptors): void {
    if (this.#negotiation.client === undefined) this.#negotiation.onRequest(request, received);
    else this.#handlers.onRequest(request, received);
  }

  onMalformedRequest(): void {
    if (this.#negotiation.client === undefined) this.#negotiation.turnDown();
  }

  onClose(error?: Error): void {
    const gone = new VfioUserError('VFU_PEER_CLOSED', 'the client is gone', { cause: error });
    const steps = [
      () => this.#negotiation.end(error),
      () => this.memory.end(gone),
      () => this.control.close(),
      () => this.#handlers.onClose(error),
    ];
    runAll(steps, (err) => this.#logger.error({ err }, 'a client is gone, but not all it left'));
  }
}
