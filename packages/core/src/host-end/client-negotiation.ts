import { diagnostics } from '../diagnostics/channels.js';
import { EINVAL } from '../errno.js';
import { ProtocolViolationError, RequestRefusedError, VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { type Capabilities, OWN_CAPABILITIES } from '../protocol/capabilities.js';
import { Command, commandName } from '../protocol/enums.js';
import type { RequestMessage, Version } from '../protocol/messages.js';
import { negotiate } from '../protocol/version.js';
import type { Peer } from '../session/peer.js';
import type { ReceivedDescriptors } from '../session/request-table.js';
import type { AgreedLimits } from './dma-map-handler.js';
import type { ServerLimits } from './limits.js';

export interface NegotiationOptions {
  readonly peer: Peer;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  /**
   * An acceptable VERSION was received: answer it by {@link ClientNegotiation.accept} or {@link
   * ClientNegotiation.refuse}, now or later.
   */
  readonly onVersion: () => void;
  /** VERSION is about to be accepted with these limits. */
  readonly onAgreed: (agreed: AgreedLimits) => void;
}

/** The limits that are announced to the client. */
export type AnnouncedLimits = Pick<ServerLimits, 'maxDataXferSize' | 'maxMsgFds' | 'maxDmaMaps'>;

/** A client's connection up to VERSION, and the result of the negotiation. */
export class ClientNegotiation {
  readonly #options: NegotiationOptions;
  /** The VERSION request, until it is answered. */
  #asked: { readonly id: number; readonly body: Version } | undefined;
  #turnedDown = false;
  #timer: NodeJS.Timeout | undefined;
  #client: Capabilities | undefined;
  #namesCapabilities = false;

  constructor(options: NegotiationOptions) {
    this.#options = options;
  }

  /** The client's capabilities; `undefined` before VERSION. */
  get client(): Capabilities | undefined {
    return this.#client;
  }

  /** Whether VERSION contained capabilities. */
  get namesCapabilities(): boolean {
    return this.#namesCapabilities;
  }

  /** Starts the time limit for VERSION. */
  start(): void {
    const { limits, peer } = this.#options;
    this.#timer = setTimeout(() => {
      const seconds = limits.negotiationTimeoutMs / 1000;
      peer.abort(new VfioUserError('VFU_TIMEOUT', `no VERSION within ${seconds} s`));
    }, limits.negotiationTimeoutMs).unref();
  }

  /** The first request. Anything but an acceptable VERSION ends the connection. */
  onRequest(request: RequestMessage, received: ReceivedDescriptors): void {
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

  /** Accept VERSION. Does nothing if the client has gone. */
  accept(limits: AnnouncedLimits = this.#options.limits): void {
    const asked = this.#takeAsked();
    if (asked === undefined) return;
    const { id, body } = asked;
    const { peer, logger } = this.#options;
    try {
      const { reply, peer: client } = negotiate(
        body,
        this.#ownCapabilities(limits),
        peer.encoding.versionReplyRoom(body),
      );
      this.#client = client;
      const { maxDmaMaps } = limits;
      this.#options.onAgreed({ maxDmaMaps, clientMaxDataXferSize: client.maxDataXferSize });
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

  /** Refuse VERSION with the reason. */
  refuse(why: RequestRefusedError): void {
    const asked = this.#takeAsked();
    if (asked === undefined) return;
    this.#options.peer.replyError(Command.VERSION, asked.id, false, why);
    this.turnDown(why);
  }

  /** The first message was not an acceptable request. */
  turnDown(why: unknown = this.#violation()): void {
    this.#turnedDown = true;
    this.#publishTurnedAway(why);
    const { peer } = this.#options;
    // A waiting client is aborted, as it would keep its place until it noticed the end.
    if (this.#takeAsked() !== undefined) peer.abort(why as Error);
    else void peer.close();
  }

  end(error?: Error): void {
    clearTimeout(this.#timer);
    if (this.#client === undefined) {
      // A peer that leaves without sending anything was not refused.
      if (error !== undefined && !this.#turnedDown) this.#publishTurnedAway(error);
    } else if (diagnostics.session.hasSubscribers) {
      const { peer } = this.#options.peer.connection;
      diagnostics.session.publish({ event: 'ended', peer, error });
    }
  }

  #publishTurnedAway(error: unknown): void {
    if (!diagnostics.session.hasSubscribers) return;
    const { peer } = this.#options.peer.connection;
    diagnostics.session.publish({ event: 'turned-away', peer, error });
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

  #ownCapabilities(limits: AnnouncedLimits = this.#options.limits): Capabilities {
    const { maxDataXferSize, maxMsgFds, maxDmaMaps } = limits;
    return { ...OWN_CAPABILITIES, maxDataXferSize, maxMsgFds, maxDmaMaps };
  }
}
