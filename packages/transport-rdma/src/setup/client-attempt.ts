import {
  type Accept,
  type Connection,
  type FrameSink,
  type Framing,
  type Handshake,
  type Logger,
  VfioUserError,
} from '@vfio-user/core';
import { acceptOr, nullSink } from '@vfio-user/core/transport';
import { rdmaConnection } from '../connection/rdma-connection.js';
import type { RdmaSettings } from '../options.js';
import type { RdmaTarget } from '../rdma-uri.js';
import { BootstrapSink } from './bootstrap-sink.js';
import { QueuePairProbe } from './queue-pair-probe.js';
import type { SetupOutcome } from './setup-handshake.js';

/** A client's connection attempt, once its bootstrap connection is open. */
export interface ClientAttempt {
  readonly target: RdmaTarget;
  /** The session's own handshake, which was completed. */
  readonly handshake: Handshake | undefined;
  readonly outcome: SetupOutcome;
  readonly framing: Framing;
  readonly settings: RdmaSettings;
  readonly logger: Logger;
  readonly signal: AbortSignal | undefined;
  readonly accept: Accept;
  /** Exactly one of them is called. */
  connected(connection: Connection): void;
  failed(error: unknown): void;
}

/**
 * Try the queue pair, and fall back to the bootstrap connection.
 * @returns the sink of the bootstrap connection.
 */
export function tryQueuePair(bootstrap: Connection, attempt: ClientAttempt): FrameSink {
  const { outcome, handshake, framing, settings, logger, signal } = attempt;
  if ('reason' in outcome) return fallBack(bootstrap, attempt, outcome.reason);
  const { endpoint, peer } = outcome;
  const probe = new QueuePairProbe({
    endpoint,
    peer,
    timeoutMs: settings.setupTimeoutMs,
    signal,
    onPassed() {
      const parts = { endpoint, peer, bootstrap, bootstrapSink, framing, settings, logger };
      const connection = rdmaConnection(parts);
      connection.open({
        handshakeTimeoutMs: settings.setupTimeoutMs,
        ready: () => acceptOr(connection, attempt.accept, handshake, attempt.failed),
        failed() {},
      });
      attempt.connected(connection);
    },
    onFailed(reason) {
      endpoint.close();
      bootstrapSink.handTo(fallBack(bootstrap, attempt, reason));
    },
    onEnded(error) {
      endpoint.close();
      attempt.failed(signal?.aborted ? signal.reason : endedAmidSetup(attempt.target, error));
    },
  });
  const bootstrapSink = new BootstrapSink(probe);
  probe.start();
  return bootstrapSink;
}

/** Use messages over the bootstrap connection, unless RDMA is required. */
function fallBack(bootstrap: Connection, attempt: ClientAttempt, reason: string): FrameSink {
  const { target, handshake, logger, signal, accept, connected, failed } = attempt;
  const error = signal?.aborted
    ? signal.reason
    : target.fallsBack
      ? undefined
      : noRdma(target, reason);
  if (error !== undefined) {
    failed(error);
    bootstrap.abort(error);
    return nullSink;
  }
  logger.warn(
    { uri: target.href, peer: bootstrap.peer, reason },
    'no RDMA, everything goes by messages',
  );
  const sink = acceptOr(bootstrap, accept, handshake, failed);
  connected(bootstrap);
  return sink;
}

/** The error if the bootstrap connection ends while the queue pair is tried. */
function endedAmidSetup({ href }: RdmaTarget, cause: Error | undefined): VfioUserError {
  const why = cause?.message ?? 'the server closed the connection';
  return new VfioUserError('VFU_PEER_CLOSED', `${href}: ${why}, while RDMA was set up`, { cause });
}

/** The error if RDMA is required and impossible. */
export function noRdma({ href }: RdmaTarget, reason: string): VfioUserError {
  const text = `${href}: ${reason}. Without fallback=never the session would use messages instead`;
  return new VfioUserError('VFU_UNSUPPORTED', text);
}
