import { DmaService } from '../device-end/dma-service.js';
import { PushSource } from '../device-end/push-source.js';
import { diagnostics } from '../diagnostics/channels.js';
import { RequestRefusedError, VfioUserError } from '../errors.js';
import type { Candidate } from '../host-end/admission.js';
import { ClientNegotiation, type ToldLimits } from '../host-end/client-negotiation.js';
import type { MemoryContext } from '../host-end/context.js';
import { ControlLane } from '../host-end/control-lane.js';
import { InterruptMessages } from '../host-end/interrupt-messages.js';
import type { ServerLimits } from '../host-end/limits.js';
import type { Logger } from '../logger.js';
import { DmaSpace } from '../memory/dma-space.js';
import type { Capabilities } from '../protocol/capabilities.js';
import { Command, ExtensionCommand } from '../protocol/constants.js';
import type { RequestMessage } from '../protocol/messages.js';
import { runAll } from '../run-all.js';
import type { OpenWire } from '../session/open.js';
import { Peer, type PeerHandlers } from '../session/peer.js';
import type { Received } from '../session/request-table.js';
import { errnoOfUnreachable } from '../session/turned-away.js';
import type { FrameSink } from '../transport/transport.js';
import { type BridgeContext, BridgeRequests } from './bridge-requests.js';
import { FarLink, type FarLinkHandlers, type FarLinkOptions } from './far-link.js';
import { InterruptWiring } from './interrupt-wiring.js';
import { RegisterForwarder } from './register-forwarder.js';

export interface BridgeSessionOptions extends FarLinkOptions {
  readonly limits: ServerLimits;
  readonly logger: Logger;
  /** The client has sent VERSION: it can be admitted. */
  readonly onVersion: () => void;
  /** The client is gone, and the link to the device is closed. */
  readonly onEnd: (error?: Error) => void;
}

/**
 * One client and its device, joined. Towards the client this is a server, towards the device a
 * client: it owns the guest memory the client gave, serves the device's DMA from it, and keeps the
 * client's interrupts. Each side has its own encoding, version and limits.
 */
export class BridgeSession implements PeerHandlers, BridgeContext, Candidate {
  readonly peer: Peer;
  readonly limits: ServerLimits;
  readonly link: FarLink;
  readonly wiring: InterruptWiring;
  readonly interruptMessages: InterruptMessages;
  readonly device: MemoryContext['device'];
  readonly #options: BridgeSessionOptions;
  readonly #negotiation: ClientNegotiation;
  readonly #registers: RegisterForwarder;
  readonly #requests: BridgeRequests;
  readonly #lane: ControlLane;
  readonly #dma: DmaService;
  readonly #pushes: PushSource;
  /** When the requests in the control queue must be answered, also one that waits behind others. */
  readonly #answerBy: number[] = [];

  constructor(options: BridgeSessionOptions) {
    const { limits, logger } = options;
    const dma = new DmaSpace(logger);
    this.device = { dma, quiesce: () => undefined };
    this.#options = options;
    this.limits = limits;
    this.peer = new Peer(this, {
      logger,
      timeoutMs: limits.replyTimeoutMs,
      pauseWhenBackedUp: true,
    });
    this.interruptMessages = new InterruptMessages(this.peer);
    this.#negotiation = new ClientNegotiation({ ...options, peer: this.peer, dma });
    this.link = new FarLink(options, this.#deviceHandlers());
    this.wiring = new InterruptWiring((action) => dma.fence.run(action));
    this.#requests = new BridgeRequests(this);
    this.#lane = new ControlLane(this.peer, limits.maxDeferredRequests, (request, received) => {
      this.link.answerBy = this.#answerBy.shift() ?? 0;
      return this.#requests.handle(request, received);
    });
    this.#pushes = new PushSource(dma);
    this.#registers = new RegisterForwarder({
      near: this.peer,
      link: this.link,
      pushes: this.#pushes,
      maxDataXferSize: limits.maxDataXferSize,
      maxStallMs: options.answerTimeoutMs,
      memory: () => this.#negotiation.memory,
    });
    this.#dma = new DmaService(dma, limits.maxDataXferSize);
  }

  get name(): string {
    return this.peer.connection.peer;
  }

  get client(): Capabilities {
    const { client } = this.#negotiation;
    if (client === undefined) {
      throw new VfioUserError('VFU_PROTOCOL_VIOLATION', 'the client has not sent VERSION yet');
    }
    return client;
  }

  get maxDmaMaps(): number {
    return this.#negotiation.maxDmaMaps;
  }

  /** Take over a connection. It may become a client. */
  attach({ connection, wire }: OpenWire): FrameSink {
    this.peer.attach(connection, wire);
    this.#negotiation.start();
    return this.peer;
  }

  /** It is this client's turn: it is answered once the device is reached, or is told that it is not. */
  admit(): void {
    const { connect, logger } = this.#options;
    this.link
      .open()
      .then(() => {
        logger.info({ device: connect }, 'client and device are joined');
        this.#negotiation.accept(this.#toldLimits());
      })
      .catch((error: Error) => {
        if (this.peer.closed) return;
        logger.error({ device: connect, reason: error.message }, 'the device cannot be reached');
        const why = `${connect} cannot be reached: ${error.message}`;
        this.refuse(new RequestRefusedError(errnoOfUnreachable(error), why, { cause: error }));
      });
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

  onRequest(request: RequestMessage, received: Received): void {
    if (this.#negotiation.client === undefined) {
      this.#negotiation.onRequest(request, received);
      return;
    }
    switch (request.command) {
      case Command.REGION_READ:
      case Command.REGION_WRITE:
        this.#registers.access(request);
        return;
      case Command.REGION_WRITE_MULTI:
        this.#registers.writes(request);
        return;
      default:
        this.#answerBy.push(performance.now() + this.#options.answerTimeoutMs);
        this.#lane.take(request, received);
    }
  }

  onMalformedRequest(): void {
    if (this.#negotiation.client === undefined) this.#negotiation.turnDown();
  }

  onClose(error?: Error): void {
    const { dma } = this.device;
    const steps = [
      () => this.#negotiation.end(error),
      () => this.#lane.close(),
      () => this.wiring.close(),
      () => dma.removeAll(),
      () => dma.connect(undefined),
    ];
    const { logger } = this.#options;
    runAll(steps, (err) => logger.error({ err }, 'a client is gone, but not all it left'));
    void this.link.close().then(() => this.#options.onEnd(error));
  }

  /** What the device can take limits what the client is told. */
  #toldLimits(): ToldLimits {
    const { maxDataXferSize, maxDmaMaps } = this.link.capabilities;
    return {
      ...this.limits,
      maxDataXferSize: Math.min(this.limits.maxDataXferSize, maxDataXferSize),
      maxDmaMaps: Math.min(this.limits.maxDmaMaps, maxDmaMaps),
    };
  }

  #onDeviceRequest(far: Peer, request: RequestMessage): void {
    switch (request.command) {
      case ExtensionCommand.INTERRUPT:
        this.wiring.onMessage(request.body);
        return;
      case ExtensionCommand.PUSH_RULES:
        this.#pushes.replace(request.body);
        far.reply(request.command, request.id, undefined);
        return;
      default:
        this.#dma.answer(far, request);
    }
  }

  #deviceHandlers(): FarLinkHandlers {
    const { logger, connect } = this.#options;
    return {
      onRequest: (far, request) => this.#onDeviceRequest(far, request),
      onLost: (far, error) => {
        this.#pushes.clear();
        this.#requests.onLost(far);
        if (diagnostics.link.hasSubscribers) {
          diagnostics.link.publish({ event: 'lost', device: connect, error });
        }
        logger.warn({ device: connect, reason: error.message }, 'the device is out of reach');
      },
      onReachedAgain: (far) => this.#lane.run({ run: () => this.#restore(far), drop() {} }),
    };
  }

  /** In turn with the client's requests, so that none of them falls in between. */
  async #restore(far: Peer): Promise<void> {
    const { logger, connect } = this.#options;
    try {
      await this.#requests.restore(far);
      this.link.restored(far);
      if (diagnostics.link.hasSubscribers) {
        diagnostics.link.publish({ event: 'reached-again', device: connect });
      }
      logger.info({ device: connect }, 'the device is back; it was reset');
    } catch (error) {
      far.abort(error as Error);
    }
  }
}
