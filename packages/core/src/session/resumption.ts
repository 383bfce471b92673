import { timingSafeEqual } from 'node:crypto';
import { type Logger, silentLogger } from '../logger.js';
import type { Connection } from '../transport/transport.js';
import { LinkReport } from './link-report.js';
import type { NegotiatedEncoding } from './negotiated-encoding.js';
import { type ReconnectAttempt, Reconnector } from './reconnector.js';
import { ResumableConnection } from './resumable-connection.js';
import type { SessionTable } from './session-table.js';

/** Most bytes of frames that are kept for a client, and for a server. */
const MAX_KEPT_FOR_CLIENT = 64 * 2 ** 20;
const MAX_KEPT_FOR_SERVER = 128 * 2 ** 20;
/**
 * Longest silence after which a client tries another link, ms: nothing is lost if the present one
 * was only slow.
 */
const LINK_SILENCE_MS = 4_000;

/** Options of {@link resumableOnServer}. */
export interface ResumableServerOptions extends CommonOptions {
  /** The link of a session was lost, and its client has not brought another one. */
  readonly onInterrupted?: (() => void) | undefined;
}

interface CommonOptions {
  readonly logger?: Logger | undefined;
  /** Counts what becomes of links. */
  readonly report?: LinkReport | undefined;
}

export interface ResumableClientOptions extends CommonOptions {
  /** URI of the device, for logs. */
  readonly name: string;
  readonly reconnect: ReconnectAttempt;
}

/** A client's session over its first link; it looks for another link by itself. */
export function resumableOnClient(
  link: Connection,
  { resumption, extensions }: NegotiatedEncoding,
  options: ResumableClientOptions,
): ResumableConnection {
  const { logger = silentLogger, report = new LinkReport(), name, reconnect } = options;
  const about = { device: name };
  const reconnector = new Reconnector(reconnect, ({ message: reason }) =>
    logger.debug({ ...about, reason }, 'the link is not back yet'),
  );
  const session: ResumableConnection = new ResumableConnection(link, {
    id: resumption?.id ?? NO_ID,
    maxKeptBytes: MAX_KEPT_FOR_SERVER,
    ownSilenceMs: Math.min(extensions.ownSilenceMs, LINK_SILENCE_MS),
    peerSilenceMs: extensions.peerSilenceMs,
    events: {
      onLost(reason) {
        report.lost(logger, about, reason, session.holdMs);
        reconnector.start(session);
      },
      onContinued: (continuation) => report.continued(logger, about, continuation),
      onEnd(error) {
        reconnector.end();
        if (session.interruption !== undefined) report.givenUp(about, error);
      },
    },
  });
  return session;
}

/** A server's session over its first link; its client brings the next ones. */
export function resumableOnServer(
  link: Connection,
  { resumption, extensions }: NegotiatedEncoding,
  sessions: SessionTable,
  { logger = silentLogger, report = new LinkReport(), onInterrupted }: ResumableServerOptions,
): ResumableConnection {
  const session: ResumableConnection = new ResumableConnection(link, {
    id: resumption?.id ?? NO_ID,
    maxKeptBytes: MAX_KEPT_FOR_CLIENT,
    ownSilenceMs: extensions.ownSilenceMs,
    peerSilenceMs: extensions.peerSilenceMs,
    events: {
      onLost(reason, isReplaced) {
        report.lost(logger, { peer: session.peer }, reason, session.holdMs);
        if (!isReplaced) onInterrupted?.();
      },
      onContinued: (continuation) => report.continued(logger, { peer: session.peer }, continuation),
      onEnd(error) {
        sessions.delete(session);
        if (session.interruption !== undefined) report.givenUp({ peer: session.peer }, error);
      },
    },
  });
  sessions.add(session);
  return session;
}

/** Compare session ids, which are secrets. */
export function isSameId(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

const NO_ID = new Uint8Array(0);
