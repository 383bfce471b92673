import { diagnostics } from '../diagnostics/channels.js';
import type { DmaSpace } from '../dma/dma-space.js';
import { EINVAL } from '../errno.js';
import { ProtocolViolationError, RequestRefusedError, VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { type Capabilities, OWN_CAPABILITIES } from '../protocol/capabilities.js';
import { Command, commandName } from '../protocol/constants.js';
import type { RequestMessage } from '../protocol/messages.js';
import { negotiate } from '../protocol/version.js';
import { MessageMemory } from '../session/message-memory.js';
import type { Peer } from '../session/peer.js';
import { ReachableMemory } from '../session/reachable-memory.js';
import type { Received } from '../session/request-table.js';
import type { ServerLimits } from './limits.js';

export interface NegotiationOptions {
  readonly peer: Peer;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  /** Where the client's memory will be reached. */
  readonly dma: DmaSpace;
}

/** A client from its first byte to VERSION, and what the two sides agreed on then. */
export class ClientNegotiation {
  readonly #options: NegotiationOptions;
  #refusal: RequestRefusedError | undefined;
  #turnedDown = false;
  #timer: NodeJS.Timeout | undefined;
  #client: Capabilities | undefined;
  #memory: MessageMemory | undefined;

  constructor(options: NegotiationOptions) {
    this.#options = options;
  }

  /** What the client can do; `undefined` before VERSION. */
  get client(): Capabilities | undefined {
    return this.#client;
  }

  /** The client's memory by messages; `undefined` before VERSION. */
  get memory(): MessageMemory | undefined {
    return this.#memory;
  }

  /** The client may speak now, and should soon. With `refusal` it is turned away when it does. */
  start(refusal?: RequestRefusedError): void {
    this.#refusal = refusal;
    const { limits, peer } = this.#options;
    this.#timer = setTimeout(() => {
      const seconds = limits.negotiationTimeoutMs / 1000;
      peer.abort(new VfioUserError('VFU_TIMEOUT', `no VERSION within ${seconds} s`));
    }, limits.negotiationTimeoutMs).unref();
  }

  /** The first request. Anything but an acceptable VERSION ends the connection. */
  onRequest(request: RequestMessage, received: Received): void {
    if (this.#turnedDown) return;
    clearTimeout(this.#timer);
    const { peer } = this.#options;
    const { command, id, noReply } = request;
    try {
      if (request.command !== Command.VERSION) {
        throw new RequestRefusedError(EINVAL, `${commandName(command)} came before VERSION`);
      }
      if (this.#refusal !== undefined) throw this.#refusal;
      if (received.length > 0) throw new RequestRefusedError(EINVAL, 'VERSION carries descriptors');
      const { reply, peer: client } = negotiate(
        request.body,
        this.#ownCapabilities(),
        peer.encoding.versionReplyRoom(request.body),
      );
      this.#agree(client);
      peer.reply(request.command, id, reply);
      this.#options.logger.info(
        { version: `${reply.major}.${reply.minor}`, client },
        'client connected',
      );
      if (diagnostics.session.hasSubscribers) {
        diagnostics.session.publish({ event: 'begun', peer: peer.connection.peer });
      }
    } catch (error) {
      peer.replyError(command, id, noReply, error);
      this.turnDown(error);
    }
  }

  /** What came first was no request at all, or a wrong one. */
  turnDown(why: unknown = new ProtocolViolationError('VERSION did not come first')): void {
    this.#turnedDown = true;
    this.#tellTurnedAway(why);
    void this.#options.peer.close();
  }

  end(error?: Error): void {
    clearTimeout(this.#timer);
    this.#tellEnd(error);
    this.#memory?.end(new VfioUserError('VFU_PEER_CLOSED', 'the client is gone', { cause: error }));
  }

  #tellEnd(error: Error | undefined): void {
    if (this.#client === undefined) {
      // One that goes before it said anything was not turned away.
      if (error !== undefined && !this.#turnedDown) this.#tellTurnedAway(error);
    } else if (diagnostics.session.hasSubscribers) {
      const { peer } = this.#options.peer.connection;
      diagnostics.session.publish({ event: 'ended', peer, error });
    }
  }

  #tellTurnedAway(error: unknown): void {
    if (!diagnostics.session.hasSubscribers) return;
    const { peer } = this.#options.peer.connection;
    diagnostics.session.publish({ event: 'turned-away', peer, error });
  }

  #agree(client: Capabilities): void {
    const { peer, limits, dma } = this.#options;
    const { oneSided, capabilities } = peer.connection;
    this.#client = client;
    this.#memory = new MessageMemory(peer, {
      maxTransferBytes: Math.min(client.maxDataXferSize, limits.maxDataXferSize),
      maxReads: limits.maxDmaReads,
      replyWindowBytes: peer.encoding.replyWindowBytes,
      fence: dma.fence,
      // INTERRUPT messages travel behind the writes, whatever an eventfd would do. But an adapter
      // may be ahead of a client that has yet to carry out what it was sent.
      orderedNotifications:
        oneSided === undefined && (peer.extensions.interrupts || capabilities.orderedNotifications),
    });
    const messages = this.#memory;
    dma.connect(oneSided === undefined ? messages : new ReachableMemory(oneSided, messages));
  }

  #ownCapabilities(): Capabilities {
    const { maxDataXferSize, maxMsgFds, maxDmaMaps } = this.#options.limits;
    return { ...OWN_CAPABILITIES, maxDataXferSize, maxMsgFds, maxDmaMaps };
  }
}
