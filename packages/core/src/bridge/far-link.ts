import { VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { type Capabilities, OWN_CAPABILITIES } from '../protocol/capabilities.js';
import { Command } from '../protocol/constants.js';
import type {
  KnownCommand,
  ReplyBodies,
  RequestBodies,
  RequestMessage,
} from '../protocol/messages.js';
import { accept, offer } from '../protocol/version.js';
import { call } from '../session/call.js';
import { connectWire } from '../session/open.js';
import { Peer, type PeerHandlers } from '../session/peer.js';
import type { Received } from '../session/request-table.js';
import type { TransportRegistry } from '../transport/registry.js';

/** First and longest pause between attempts to reach the device again, ms. */
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

export interface FarLinkOptions {
  readonly registry: TransportRegistry;
  /** Where the device is. */
  readonly connect: string;
  readonly logger: Logger;
  readonly maxDataXferSize: number;
  readonly silenceMs: number;
  /** How long the device may leave a request unanswered before the link counts as lost, ms. */
  readonly replyTimeoutMs: number;
}

export interface FarLinkHandlers {
  /** A request of the device: DMA, INTERRUPT, PUSH_RULES. */
  onRequest(request: RequestMessage, received: Received): void;
  /**
   * The device is reached again after the link was lost. It knows nothing of before: whatever it
   * was told must be told again.
   */
  onRestored(): Promise<void>;
  onLost(error: Error): void;
}

/** The bridge's connection to the device, made anew when it breaks. */
export class FarLink implements PeerHandlers {
  readonly #options: FarLinkOptions;
  readonly #handlers: FarLinkHandlers;
  #peer: Peer | undefined;
  #capabilities: Capabilities = OWN_CAPABILITIES;
  #ended = false;
  #restoring = false;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(options: FarLinkOptions, handlers: FarLinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** The device is reached, and has been told all it must know. */
  get up(): boolean {
    return this.#peer !== undefined && !this.#restoring;
  }

  /** @throws {VfioUserError} `VFU_PEER_CLOSED` while the device is not reached. */
  get peer(): Peer {
    if (this.#peer === undefined) {
      throw new VfioUserError('VFU_PEER_CLOSED', `${this.#options.connect} is not reached`);
    }
    return this.#peer;
  }

  /** What the device can do. */
  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  /** The first connection. A failure is the caller's to report. */
  async open(signal: AbortSignal): Promise<void> {
    await this.#connect(signal);
  }

  call<C extends KnownCommand, T>(
    command: C,
    body: RequestBodies[C],
    pick: (body: ReplyBodies[C]) => T,
  ): Promise<T> {
    return call(this.peer, command, body, pick);
  }

  async close(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#retryTimer);
    await this.#peer?.close();
  }

  onRequest(request: RequestMessage, received: Received): void {
    this.#handlers.onRequest(request, received);
  }

  onClose(error?: Error): void {
    this.#peer = undefined;
    if (this.#ended) return;
    const reason =
      error ?? new VfioUserError('VFU_PEER_CLOSED', 'the device closed the connection');
    this.#handlers.onLost(reason);
    this.#retry(FIRST_RETRY_MS);
  }

  async #connect(signal?: AbortSignal): Promise<void> {
    const { registry, connect, logger, maxDataXferSize, silenceMs, replyTimeoutMs } = this.#options;
    const peer = new Peer(this, { logger, timeoutMs: replyTimeoutMs, pauseWhenBackedUp: false });
    const options = { maxDataXferSize, silenceMs, logger, signal };
    const { connection, wire } = await connectWire(registry, connect, peer, options);
    peer.attach(connection, wire);
    const own = { ...OWN_CAPABILITIES, maxDataXferSize };
    const reply = await call(peer, Command.VERSION, offer(own), (body) => body);
    this.#capabilities = accept(reply).peer;
    if (peer.closed) throw new VfioUserError('VFU_PEER_CLOSED', 'the device closed the connection');
    this.#peer = peer;
  }

  #retry(pauseMs: number): void {
    this.#restoring = true;
    this.#retryTimer = setTimeout(() => {
      this.#restore().catch((error: Error) => {
        if (this.#ended) return;
        this.#options.logger.debug({ reason: error.message }, 'the device is still out of reach');
        this.#retry(Math.min(pauseMs * 2, LAST_RETRY_MS));
      });
    }, pauseMs);
  }

  async #restore(): Promise<void> {
    await this.#connect();
    try {
      await this.#handlers.onRestored();
      this.#restoring = false;
    } catch (error) {
      this.#peer?.abort(error as Error);
      throw error;
    }
  }
}
