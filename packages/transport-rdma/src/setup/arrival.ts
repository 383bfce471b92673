import {
  type Accept,
  type Connection,
  type Frame,
  type FrameSink,
  type Framing,
  type Handshake,
  type Logger,
  VfioUserError,
} from '@vfio-user/core';
import type { PendingConnections } from '@vfio-user/core/transport';
import { rdmaConnection } from '../connection/rdma-connection.js';
import { HELLO } from '../endpoint/flags.js';
import type { QueuePairEnd, QueuePairEvents } from '../endpoint/queue-pair-end.js';
import type { Settings } from '../options.js';
import { BootstrapSink } from './bootstrap-sink.js';
import type { PeerSetup } from './records.js';
import type { SetupOutcome } from './setup-handshake.js';

/** What a listener knows about a client that has just come. */
export interface ArrivalParts {
  readonly bootstrap: Connection;
  /** The session's own, which was completed. */
  readonly handshake: Handshake | undefined;
  readonly outcome: SetupOutcome;
  /** Whether the client may be served by messages on the bootstrap connection. */
  readonly fallsBack: boolean;
  readonly framing: Framing;
  readonly settings: Settings;
  readonly logger: Logger;
  readonly accept: Accept;
  /** Where those of the same listener are that have not said anything yet. */
  readonly pending: PendingConnections;
}

/** A client tries the queue pair first, and if that takes too long the bootstrap connection. */
const WAYS = 2;

/** A client of a listener, until its first message shows which way it speaks. */
export class Arrival implements FrameSink, QueuePairEvents {
  readonly #parts: ArrivalParts;
  readonly #bootstrapSink = new BootstrapSink();
  #timer: NodeJS.Timeout | undefined;
  #joined: { readonly endpoint: QueuePairEnd; readonly peer: PeerSetup } | undefined;

  private constructor(parts: ArrivalParts) {
    this.#parts = parts;
  }

  /** Returns what receives from the bootstrap connection. */
  static take(parts: ArrivalParts): FrameSink {
    const arrival = new Arrival(parts);
    arrival.#begin();
    return arrival.#bootstrapSink;
  }

  onFrame(frame: Frame): void {
    this.#heard();
    this.#joined?.endpoint.close();
    this.#fallBack('the client could not use the queue pair', frame);
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.#heard();
    this.#joined?.endpoint.close();
    const { bootstrap, logger } = this.#parts;
    const reason = error?.message ?? 'it closed the connection before it said anything';
    logger.warn({ peer: bootstrap.peer, reason }, 'refused a connection');
  }

  onSent(): void {}

  onReceived(_slot: number, _length: number, immediate: number): void {
    if (this.#joined === undefined || (immediate & HELLO) === 0) return;
    this.#heard();
    const { endpoint, peer } = this.#joined;
    try {
      endpoint.sends.postNotice(HELLO, true);
      this.#serve(endpoint, peer);
    } catch (error) {
      const { bootstrap, logger } = this.#parts;
      logger.error({ err: error, peer: bootstrap.peer }, 'cannot serve a connection');
      endpoint.close();
      bootstrap.abort(error as Error);
    }
  }

  onBatch(): void {}

  /** The client will notice, and speak on the bootstrap connection. */
  onFailed(): void {}

  #begin(): void {
    const { outcome } = this.#parts;
    if ('reason' in outcome) {
      this.#fallBack(outcome.reason, undefined);
      return;
    }
    this.#joined = outcome;
    this.#bootstrapSink.handTo(this);
    this.#awaitFirstMessage();
    try {
      outcome.endpoint.start(this);
    } catch (error) {
      this.#heard();
      outcome.endpoint.close();
      this.#fallBack((error as Error).message, undefined);
    }
  }

  #awaitFirstMessage(): void {
    const { bootstrap, pending, settings } = this.#parts;
    pending.add(this, (reason) => bootstrap.abort(reason));
    const limitMs = WAYS * settings.setupTimeoutMs;
    this.#timer = setTimeout(() => {
      const text = `${bootstrap.peer} set up a queue pair and said nothing within ${limitMs} ms`;
      bootstrap.abort(new VfioUserError('VFU_TIMEOUT', text));
    }, limitMs);
  }

  /** Nothing is awaited any more. */
  #heard(): void {
    clearTimeout(this.#timer);
    this.#parts.pending.delete(this);
  }

  #serve(endpoint: QueuePairEnd, peer: PeerSetup): void {
    const { bootstrap, framing, settings, logger, accept, handshake } = this.#parts;
    const bootstrapSink = this.#bootstrapSink;
    const parts = { endpoint, peer, bootstrap, bootstrapSink, framing, settings, logger };
    const connection = rdmaConnection(parts);
    connection.open({
      handshakeTimeoutMs: settings.setupTimeoutMs,
      ready: () => accept(connection, handshake),
      failed() {},
    });
  }

  /** Serve the client by messages, or turn it away if nothing but RDMA is wanted. */
  #fallBack(reason: string, first: Frame | undefined): void {
    const { bootstrap, fallsBack, logger, accept, handshake } = this.#parts;
    const { peer } = bootstrap;
    if (!fallsBack) {
      logger.warn({ peer, reason }, 'a client is turned away, as there is no RDMA');
      bootstrap.abort(new VfioUserError('VFU_UNSUPPORTED', `no RDMA: ${reason}`));
      return;
    }
    logger.warn({ peer, reason }, 'no RDMA, a client is served by messages');
    const sink = accept(bootstrap, handshake);
    this.#bootstrapSink.handTo(sink);
    if (first !== undefined) sink.onFrame(first);
  }
}
