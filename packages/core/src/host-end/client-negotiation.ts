import { diagnostics } from '../diagnostics/channels.js';
import { EINVAL } from '../errno.js';
import { ProtocolViolationError, RequestRefusedError, VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { DmaSpace } from '../memory/dma-space.js';
import { MessageMemory } from '../memory/message-memory.js';
import { ReachableMemory } from '../memory/reachable-memory.js';
import { type Capabilities, OWN_CAPABILITIES } from '../protocol/capabilities.js';
import { Command, commandName } from '../protocol/constants.js';
import type { RequestMessage, Version } from '../protocol/messages.js';
import { negotiate } from '../protocol/version.js';
import type { Peer } from '../session/peer.js';
import type { Received } from '../session/request-table.js';
import type { ServerLimits } from './limits.js';

export interface NegotiationOptions {
  readonly peer: Peer;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  /** Where the client's memory will be reached. */
  readonly dma: DmaSpace;
  /**
   * VERSION came, and can be agreed to: {@link ClientNegotiation.accept} or
   * {@link ClientNegotiation.refuse} answers it, now or later.
   */
  readonly onVersion: () => void;
}

/** What of the limits the client is told. */
export type ToldLimits = Pick<ServerLimits, 'maxDataXferSize' | 'maxMsgFds' | 'maxDmaMaps'>;

/**
 * Enough for a guest without an IOMMU. Where the process can hold no more, they are not mapped but
 * reached by system calls, which is slower.
 */
const FEWEST_MAPPINGS = 256;

/** A client from its first byte to VERSION, and what the two sides agreed on then. */
export class ClientNegotiation {
  readonly #options: NegotiationOptions;
  /** VERSION, until it is answered. */
  #asked: { readonly id: number; readonly body: Version } | undefined;
  #turnedDown = false;
  #timer: NodeJS.Timeout | undefined;
  #client: Capabilities | undefined;
  #namesCapabilities = false;
  #maxDmaMaps = 0;
  #memory: MessageMemory | undefined;

  constructor(options: NegotiationOptions) {
    this.#options = options;
  }

  /** What the client can do; `undefined` before VERSION. */
  get client(): Capabilities | undefined {
    return this.#client;
  }

  /** Whether VERSION said anything of that. */
  get namesCapabilities(): boolean {
    return this.#namesCapabilities;
  }

  /** Most mappings at once: what the client was told. */
  get maxDmaMaps(): number {
    return this.#maxDmaMaps;
  }

  /** The client's memory by messages; `undefined` before VERSION. */
  get memory(): MessageMemory | undefined {
    return this.#memory;
  }

  /** The client may speak now, and should soon. */
  start(): void {
    const { limits, peer } = this.#options;
    this.#timer = setTimeout(() => {
      const seconds = limits.negotiationTimeoutMs / 1000;
      peer.abort(new VfioUserError('VFU_TIMEOUT', `no VERSION within ${seconds} s`));
    }, limits.negotiationTimeoutMs).unref();
  }

  /** The first request. Anything but an acceptable VERSION ends the connection. */
  onRequest(request: RequestMessage, received: Received): void {
    if (this.#turnedDown) return;
    if (this.#asked !== undefined) {
      this.turnDown();
      return;
    }
    clearTimeout(this.#timer);
    const { command, id, noReply } = request;
    try {
      if (request.command !== Command.VERSION) {
        throw new RequestRefusedError(EINVAL, `${commandName(command)} came before VERSION`);
      }
      if (received.length > 0) throw new RequestRefusedError(EINVAL, 'VERSION carries descriptors');
      negotiate(request.body, this.#ownCapabilities());
      this.#asked = { id, body: request.body };
    } catch (error) {
      this.#options.peer.replyError(command, id, noReply, error);
      this.turnDown(error);
      return;
    }
    this.#options.onVersion();
  }

  /** Agree to VERSION. Nothing happens if the client has gone meanwhile. */
  accept(limits: ToldLimits = this.#options.limits): void {
    const asked = this.#takeAsked();
    if (asked === undefined) return;
    const { id, body } = asked;
    const { peer, logger } = this.#options;
    try {
      this.#maxDmaMaps = this.#mappingsThatFit(limits);
      const { reply, peer: client } = negotiate(
        body,
        this.#ownCapabilities({ ...limits, maxDmaMaps: this.#maxDmaMaps }),
        peer.encoding.versionReplyRoom(body),
      );
      this.#agree(client);
      this.#namesCapabilities = body.capabilities !== undefined;
      peer.reply(Command.VERSION, id, reply);
      logger.info({ version: `${reply.major}.${reply.minor}`, client }, 'client connected');
      if (diagnostics.session.hasSubscribers) {
        diagnostics.session.publish({ event: 'begun', peer: peer.connection.peer });
      }
    } catch (error) {
      peer.replyError(Command.VERSION, id, false, error);
      this.turnDown(error);
    }
  }

  /** Answer VERSION with the reason why the client is turned away. */
  refuse(why: RequestRefusedError): void {
    const asked = this.#takeAsked();
    if (asked === undefined) return;
    this.#options.peer.replyError(Command.VERSION, asked.id, false, why);
    this.turnDown(why);
  }

  /** What came first was no request at all, or a wrong one. */
  turnDown(why: unknown = this.#violation()): void {
    this.#turnedDown = true;
    this.#tellTurnedAway(why);
    const { peer } = this.#options;
    // One that waits for its turn would keep its place until it has taken note of the end.
    if (this.#takeAsked() !== undefined) peer.abort(why as Error);
    else void peer.close();
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

  #takeAsked(): { readonly id: number; readonly body: Version } | undefined {
    const asked = this.#asked;
    this.#asked = undefined;
    return this.#options.peer.closed ? undefined : asked;
  }

  #violation(): ProtocolViolationError {
    const what = this.#asked === undefined ? 'did not come first' : 'was not awaited';
    return new ProtocolViolationError(`VERSION ${what}`);
  }

  /** No more than this process can hold beside what other devices of it hold already. */
  #mappingsThatFit({ maxDmaMaps }: ToldLimits): number {
    const left = this.#options.peer.connection.resources?.mappingsLeft ?? maxDmaMaps;
    return Math.min(maxDmaMaps, Math.max(left, FEWEST_MAPPINGS));
  }

  #ownCapabilities(limits: ToldLimits = this.#options.limits): Capabilities {
    const { maxDataXferSize, maxMsgFds, maxDmaMaps } = limits;
    return { ...OWN_CAPABILITIES, maxDataXferSize, maxMsgFds, maxDmaMaps };
  }
}
