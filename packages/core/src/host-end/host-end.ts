import { type RequestRefusedError, VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { DmaSpace } from '../memory/dma-space.js';
import type { Capabilities } from '../protocol/capabilities.js';
import { Command, ExtensionCommand } from '../protocol/enums.js';
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

/** The policy of a server or a bridge for one client. */
export interface ClientHandlers {
  /**
   * The client is admitted: call {@link HostEnd.accept} or {@link HostEnd.refuse}, now or later.
   */
  onAdmitted(): void;
  /**
   * A request after VERSION: answer it, or pass it to {@link HostEnd.control}. Remove descriptors
   * to keep from `received`.
   */
  onRequest(request: RequestMessage, received: ReceivedDescriptors): void;
  /** A request that {@link HostEnd.control} runs now. */
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
  /** The client's memory. */
  readonly space: DmaSpace;
  /** See `DmaMapHandlerOptions`. */
  readonly quiesce?: () => Promise<void> | undefined;
  /** The client has sent VERSION and can be admitted. */
  readonly onVersion: () => void;
  /** VERSION was accepted. */
  readonly onServed: () => void;
}

/**
 * The side of a session that faces a client, from its first byte to the end of the connection:
 * VERSION, the order of its requests, its memory, and its notifications.
 */
export class HostEnd implements PeerHandlers, PendingClient {
  readonly peer: Peer;
  readonly control: ControlRequests;
  readonly memory: DmaMapHandler;
  readonly notifiers: Notifiers;
  /** Whether the client reconnects after a lost session. */
  readonly returned: boolean;
  readonly #handlers: ClientHandlers;
  readonly #logger: Logger;
  readonly #onServed: () => void;
  readonly #holdMs: number;
  readonly #negotiation: ClientNegotiation;

  constructor(opened: NegotiatedConnection, handlers: ClientHandlers, options: HostEndOptions) {
    const { limits, logger } = options;
    this.#handlers = handlers;
    this.#logger = logger;
    this.#onServed = options.onServed;
    this.#holdMs = limits.holdMs;
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

  /** Name for logs and errors. */
  get name(): string {
    return this.peer.connection.peer;
  }

  get heldUntil(): Date | undefined {
    return this.peer.session?.heldUntil;
  }

  /** VERSION was accepted. */
  get negotiated(): boolean {
    return this.#negotiation.client !== undefined;
  }

  /**
   * The client's capabilities.
   * @throws {VfioUserError} before VERSION.
   */
  get client(): Capabilities {
    const { client } = this.#negotiation;
    if (client === undefined) {
      throw new VfioUserError('VFU_PROTOCOL_VIOLATION', 'the client has not sent VERSION yet');
    }
    return client;
  }

  /** Whether the client sent capabilities in VERSION. */
  get namesCapabilities(): boolean {
    return this.#negotiation.namesCapabilities;
  }

  admit(): void {
    this.#handlers.onAdmitted();
  }

  /** Accept VERSION. Does nothing if the client has gone. */
  accept(limits?: AnnouncedLimits): void {
    this.#negotiation.accept(limits);
    if (!this.negotiated) return;
    this.peer.session?.hold(this.#holdMs);
    this.#onServed();
  }

  refuse(why: RequestRefusedError): void {
    this.#negotiation.refuse(why);
  }

  drop(reason: Error): void {
    this.peer.abort(reason);
  }

  /** A session without a link is given up: the link could not come back. */
  close(): void {
    const lost = this.peer.session?.interruption;
    if (lost === undefined) void this.peer.close();
    else this.peer.abort(lost.reason);
  }

  /**
   * Answer "REGION_READ". PCI ordering: a read completion pushes earlier writes. Small data only
   * needs to be valid during this call.
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
    else if (request.command === ExtensionCommand.DMA_FAULT) this.memory.onFault(request.body);
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
