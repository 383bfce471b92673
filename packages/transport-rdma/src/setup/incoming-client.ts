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
import { nullSink, type PendingConnections } from '@vfio-user/core/transport';
import { rdmaConnection } from '../connection/rdma-connection.js';
import { HELLO } from '../endpoint/flags.js';
import type { QueuePairEnd, QueuePairEvents } from '../endpoint/queue-pair-end.js';
import type { RdmaSettings } from '../options.js';
import { BootstrapSink } from './bootstrap-sink.js';
import type { PeerSetup } from './records.js';
import type { JoinedEnds, SetupOutcome } from './setup-handshake.js';

/** Parts of an {@link IncomingClient}. */
export interface IncomingClientParts {
  readonly bootstrap: Connection;
  /** The session's own, which was completed. */
  readonly handshake: Handshake | undefined;
  readonly outcome: SetupOutcome;
  /** Whether messages over the bootstrap connection are acceptable. */
  readonly fallsBack: boolean;
  readonly framing: Framing;
  readonly settings: RdmaSettings;
  readonly logger: Logger;
  readonly accept: Accept;
  /** Where those of the same listener are that have not said anything yet. */
  readonly pending: PendingConnections;
}

/** A client tries the queue pair first, then falls back to the bootstrap connection. */
const WAYS = 2;

/**
 * A client of a listener until its first message, which shows whether it uses the queue pair or the
 * bootstrap connection.
 */
export class IncomingClient implements FrameSink, QueuePairEvents {
  readonly #parts: IncomingClientParts;
  readonly #endpoint: QueuePairEnd;
  readonly #peer: PeerSetup;
  readonly #bootstrapSink = new BootstrapSink(this);
  readonly #timer: NodeJS.Timeout;

  private constructor(parts: IncomingClientParts, { endpoint, peer }: JoinedEnds) {
    this.#parts = parts;
    this.#endpoint = endpoint;
    this.#peer = peer;
    const { bootstrap, pending, settings } = parts;
    pending.add(this, (reason) => bootstrap.abort(reason));
    const limitMs = WAYS * settings.setupTimeoutMs;
    this.#timer = setTimeout(() => {
      const text = `${bootstrap.peer} set up a queue pair and said nothing within ${limitMs} ms`;
      bootstrap.abort(new VfioUserError('VFU_TIMEOUT', text));
    }, limitMs);
  }

  /** Returns what receives from the bootstrap connection. */
  static take(parts: IncomingClientParts): FrameSink {
    const { outcome } = parts;
    if ('reason' in outcome) return serveByMessages(parts, outcome.reason);
    const arrival = new IncomingClient(parts, outcome);
    try {
      outcome.endpoint.start(arrival);
      return arrival.#bootstrapSink;
    } catch (error) {
      arrival.#heard();
      outcome.endpoint.close();
      return serveByMessages(parts, (error as Error).message);
    }
  }

  onFrame(frame: Frame): void {
    this.#heard();
    this.#endpoint.close();
    const sink = serveByMessages(this.#parts, 'the client could not use the queue pair');
    this.#bootstrapSink.handTo(sink);
    sink.onFrame(frame);
  }

  onDrain(): void {}

  onClose(error?: Error): void {
    this.#heard();
    this.#endpoint.close();
    const { bootstrap, logger } = this.#parts;
    const reason = error?.message ?? 'it closed the connection before it said anything';
    logger.warn({ peer: bootstrap.peer, reason }, 'refused a connection');
  }

  onSent(): void {}

  onReceived(_slot: number, _length: number, immediate: number): void {
    if ((immediate & HELLO) === 0) return;
    this.#heard();
    const { bootstrap, logger } = this.#parts;
    try {
      this.#endpoint.sends.postNotice(HELLO, true);
      this.#serve();
    } catch (error) {
      logger.error({ err: error, peer: bootstrap.peer }, 'cannot serve a connection');
      this.#endpoint.close();
      bootstrap.abort(error as Error);
    }
  }

  onBatch(): void {}

  /** The client will notice, and use the bootstrap connection. */
  onFailed(): void {}

  /** Stop waiting. */
  #heard(): void {
    clearTimeout(this.#timer);
    this.#parts.pending.delete(this);
  }

  #serve(): void {
    const { accept, handshake, settings } = this.#parts;
    const connection = rdmaConnection({
      ...this.#parts,
      endpoint: this.#endpoint,
      peer: this.#peer,
      bootstrapSink: this.#bootstrapSink,
    });
    connection.open({
      handshakeTimeoutMs: settings.setupTimeoutMs,
      ready: () => accept(connection, handshake),
      failed() {},
    });
  }
}

/** Serve the client by messages over the bootstrap connection, or refuse it if RDMA is required. */
function serveByMessages(parts: IncomingClientParts, reason: string): FrameSink {
  const { bootstrap, fallsBack, logger, accept, handshake } = parts;
  const { peer } = bootstrap;
  if (fallsBack) {
    logger.warn({ peer, reason }, 'no RDMA, a client is served by messages');
    return accept(bootstrap, handshake);
  }
  logger.warn({ peer, reason }, 'a client is turned away, as there is no RDMA');
  bootstrap.abort(new VfioUserError('VFU_UNSUPPORTED', `no RDMA: ${reason}`));
  return nullSink;
}
