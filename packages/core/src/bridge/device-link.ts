import { closedByDevice, openDevice } from '../device-end/open-device.js';
import { maxEvents } from '../device-end/vector-source.js';
import { EINVAL } from '../errno.js';
import { RemoteError, RequestRefusedError, VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { type Capabilities, OWN_CAPABILITIES } from '../protocol/capabilities.js';
import { commandName, ExtensionCommand } from '../protocol/enums.js';
import type {
  KnownCommand,
  ReplyBodies,
  RequestBodies,
  RequestMessage,
} from '../protocol/messages.js';
import { call } from '../session/call.js';
import type { LinkReport } from '../session/link-report.js';
import type { NegotiatedConnection } from '../session/negotiated-encoding.js';
import { openSession } from '../session/open.js';
import { Peer } from '../session/peer.js';
import type { ReceivedDescriptors } from '../session/request-table.js';
import type { TransportRegistry } from '../transport/registry.js';
import type { Descriptor } from '../transport/resources.js';
import { ToldDevice } from './told-device.js';

/** Longest attempt to connect, ms. */
const ATTEMPT_MS = 10_000;
/** First and longest delay between reconnection attempts, ms. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

export interface DeviceLinkOptions {
  readonly registry: TransportRegistry;
  /** URI of the device. */
  readonly connect: string;
  readonly logger: Logger;
  readonly maxDataXferSize: number;
  /**
   * Timeout of a request, ms, after which the bridge answers its client itself. A shorter one also
   * bounds an attempt to connect, VERSION included.
   */
  readonly answerTimeoutMs: number;
  /** How long nothing may be received before the link counts as lost, ms. */
  readonly linkTimeoutMs: number;
  readonly report: LinkReport;
}

export interface DeviceLinkHandlers {
  /** Handles a request of the device: DMA, INTERRUPT, PUSH_RULES. */
  onRequest(peer: Peer, request: RequestMessage): void;
  /** A connection is made. The device at its end need not be the one that was lost. */
  onConnected(): void;
  /**
   * The device is connected again after the link was lost, in its power-on state. Call {@link
   * DeviceLink.restored} once its state has been replayed.
   */
  onReachedAgain(peer: Peer): void;
  onLost(peer: Peer, error: Error): void;
}

/** The bridge's connection to the device; reconnects when it breaks. */
export class DeviceLink {
  readonly told = new ToldDevice();
  readonly #options: DeviceLinkOptions;
  readonly #handlers: DeviceLinkHandlers;
  readonly #ending = new AbortController();
  #peer: Peer | undefined;
  #capabilities: Capabilities = OWN_CAPABILITIES;
  /** The session id that the device gave for the last link. */
  #session: Uint8Array | undefined;
  /** The device was reached once: this is the one that the client has. */
  #wasReached = false;
  /** In what another device differs that was found in its place. It is logged once. */
  #difference: string | undefined;
  /** `signsOfLife` when a request was sent that has timed out. */
  #signsBeforeSilence: number | undefined;
  /** Deadline of the client's current request (`performance.now()`). */
  answerBy = Number.POSITIVE_INFINITY;
  #restoring = false;
  #pauseMs = FIRST_RETRY_MS;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: DeviceLinkOptions, handlers: DeviceLinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Connected, and the client's state is restored. */
  get up(): boolean {
    return this.#peer !== undefined && !this.#restoring;
  }

  /** @throws {VfioUserError} `VFU_PEER_CLOSED` while the device is unreachable. */
  get peer(): Peer {
    if (this.#peer === undefined) {
      throw new VfioUserError('VFU_PEER_CLOSED', `${this.#options.connect} is not reached`);
    }
    return this.#peer;
  }

  /**
   * Nothing was received since a request timed out, keep-alives included: do not wait for it any
   * more.
   */
  get silent(): boolean {
    return (
      this.peer.signsOfLife === this.#signsBeforeSilence && this.peer.extensions.ownSilenceMs > 0
    );
  }

  /** A request timed out that was sent at this count of `signsOfLife`. */
  leftUnanswered(signsOfLife: number): void {
    this.#signsBeforeSilence = signsOfLife;
  }

  /**
   * Forward a request for a client that waits until {@link answerBy}; fails with `VFU_TIMEOUT`
   * then. The device may still carry it out. If it refuses after that, its state differs from what
   * the client was told, and the link is reset.
   */
  async call<C extends KnownCommand, T>(
    command: C,
    body: RequestBodies[C],
    pick: (body: ReplyBodies[C], received: ReceivedDescriptors) => T,
    descriptors?: readonly Descriptor[],
  ): Promise<T> {
    const { peer } = this;
    const { signsOfLife } = peer;
    const waitMs = this.silent ? 0 : Math.max(0, this.answerBy - performance.now());
    let isLate = false;
    const refusedLate = (error: RemoteError): void => peer.abort(error);
    const asked = call(peer, command, body, pick, descriptors, { onLateRefusal: refusedLate });
    asked.catch((error: unknown) => {
      if (isLate && error instanceof RemoteError) refusedLate(error);
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isLate = true;
        reject(new VfioUserError('VFU_TIMEOUT', `${commandName(command)} takes too long`));
      }, waitMs);
    });
    try {
      return await Promise.race([asked, late]);
    } catch (error) {
      // Either limit may be the first to be noticed: this one, or that of the connection's requests.
      if (VfioUserError.is(error) && error.code === 'VFU_TIMEOUT') this.leftUnanswered(signsOfLife);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The device's capabilities. */
  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** Most events that one SET_IRQS to the device can assign. */
  get maxEvents(): number {
    return maxEvents(this.peer, this.#capabilities);
  }

  /** Connect for the first time. A failure rejects; only an established link is reconnected. */
  async open(): Promise<void> {
    await this.#connect();
  }

  /** The state of the reconnected device is complete. */
  restored(peer: Peer): void {
    if (peer !== this.#peer) return;
    this.#restoring = false;
    this.#difference = undefined;
    this.#pauseMs = FIRST_RETRY_MS;
  }

  /** Close for good; aborts a connection attempt. */
  async close(): Promise<void> {
    this.#ending.abort(new VfioUserError('VFU_PEER_CLOSED', 'the client has left'));
    clearTimeout(this.#retryTimer);
    await this.#peer?.close();
  }

  async #connect(): Promise<Peer> {
    const { registry, connect, logger, maxDataXferSize, report } = this.#options;
    const { answerTimeoutMs: timeoutMs, linkTimeoutMs: silenceMs } = this.#options;
    const accept = (opened: NegotiatedConnection): { readonly peer: Peer } => {
      const peer: Peer = new Peer(
        opened,
        {
          onRequest: (request) => this.#onRequest(peer, request),
          onClose: (error) => this.#onClose(peer, error),
        },
        // A client waits for its answer, whatever the reason for the delay.
        { logger, timeoutMs, silenceMs, pauseWhenBackedUp: false, countsInterruptions: true },
      );
      this.#handlers.onConnected();
      return { peer };
    };
    const attemptMs = Math.min(timeoutMs, ATTEMPT_MS);
    const time = AbortSignal.timeout(attemptMs);
    const signal = AbortSignal.any([time, this.#ending.signal]);
    const lostSession = this.#session;
    const own = { ...OWN_CAPABILITIES, maxDataXferSize };
    const options = { registry, own, silenceMs, lostSession, logger, signal, report };
    try {
      const { side, capabilities } = await openDevice(connect, accept, options);
      const { peer } = side;
      if (this.#wasReached) await openSession(peer.connection, signal, () => this.#recognize(peer));
      // Either may have happened in the turn of the last answer.
      if (this.#ending.signal.aborted) peer.abort(this.#ending.signal.reason);
      this.#ending.signal.throwIfAborted();
      if (peer.closed) throw closedByDevice();
      this.#wasReached = true;
      this.#peer = peer;
      this.#capabilities = capabilities;
      this.#session = peer.negotiated.peerSession ?? lostSession;
      return peer;
    } catch (error) {
      if (error !== time.reason || !time.aborted) throw error;
      throw new VfioUserError('VFU_TIMEOUT', `it did not answer within ${attemptMs / 1000} s`);
    }
  }

  /** @throws {VfioUserError} `VFU_UNSUPPORTED` when it is another device than before. */
  async #recognize(peer: Peer): Promise<void> {
    const different = await this.told.differenceOf(peer);
    if (different === undefined) return;
    if (different !== this.#difference) {
      this.#difference = different;
      const { logger, connect: device } = this.#options;
      logger.error({ device, different }, 'another device is in its place, and is not taken up');
    }
    throw new VfioUserError('VFU_UNSUPPORTED', `it is another device: ${different}`);
  }

  #onRequest(peer: Peer, request: RequestMessage): void {
    // The client's memory and interrupts are not for another device that came in its place.
    const isStranger = this.#wasReached && peer !== this.#peer;
    if (!isStranger || request.command === ExtensionCommand.PUSH_RULES) {
      this.#handlers.onRequest(peer, request);
      return;
    }
    const { command, id, noReply } = request;
    const why = new RequestRefusedError(EINVAL, `${commandName(command)} came too early`);
    peer.replyError(command, id, noReply, why);
  }

  /** A connection that ended before it was established is reported by {@link #connect}. */
  #onClose(peer: Peer, error?: Error): void {
    if (peer !== this.#peer) return;
    this.#peer = undefined;
    if (this.#ending.signal.aborted) return;
    this.#handlers.onLost(peer, error ?? closedByDevice());
    this.#retry();
  }

  #retry(): void {
    this.#restoring = true;
    this.#retryTimer = setTimeout(() => {
      this.#connect()
        .then((peer) => this.#handlers.onReachedAgain(peer))
        .catch((error: Error) => {
          if (this.#ending.signal.aborted) return;
          this.#options.logger.debug({ reason: error.message }, 'the device is still out of reach');
          this.#retry();
        });
    }, this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LAST_RETRY_MS);
  }
}
