import { VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { nullSink } from '../transport/open-connection.js';
import type { TransportRegistry } from '../transport/registry.js';
import type { Accept, Connection, Listener, OpenContext } from '../transport/transport.js';
import type { LinkReport } from './link-report.js';
import {
  type EncodingNegotiation,
  encodingNegotiation,
  type NegotiatedConnection,
} from './negotiated-encoding.js';
import type { ReconnectAttempt } from './reconnector.js';
import { isSameId, resumableOnClient, resumableOnServer } from './resumption.js';
import type { SessionSink } from './session-events.js';
import type { SessionTable } from './session-table.js';

export interface OpenOptions {
  /** Most bytes of data in one message. */
  readonly maxDataXferSize: number;
  /** How long nothing may be received from a peer that supports KEEP_ALIVE, ms; 0: for ever. */
  readonly silenceMs: number;
  readonly logger?: Logger | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Why interrupts are impossible over a URI, and what to do; `undefined` if they are possible. The
 * native encoding needs eventfds, the portable one has a message.
 */
export function noInterrupts(registry: TransportRegistry, text: string): string | undefined {
  const { transport, uri } = registry.resolve(text);
  const encoding = transport.encodingFor?.(uri) ?? 'native';
  if (encoding === 'portable' || transport.createMemory !== undefined) return undefined;
  return (
    `interrupts cannot travel over ${uri.protocol} in the native encoding, which has only eventfds for ` +
    'them: use encoding=portable on both sides'
  );
}

/** A session made of a connection; the peer gets its frames. */
export interface SessionSide {
  readonly peer: SessionSink;
}

export interface ConnectUriOptions extends OpenOptions {
  /** Whether the session may survive its connection. Default: true. */
  readonly resumes?: boolean | undefined;
  /** When beginning anew, the id of the lost session. */
  readonly lostSession?: Uint8Array | undefined;
  readonly report?: LinkReport | undefined;
}

/**
 * Connect to a URI in the encoding that it asks for.
 * @returns the session that `accept` made.
 */
export function connectUri<Side extends SessionSide>(
  registry: TransportRegistry,
  text: string,
  accept: (opened: NegotiatedConnection) => Side,
  options: ConnectUriOptions,
): Promise<Side> {
  return new Promise((resolve, reject) => {
    const { transport, uri } = registry.resolve(text);
    const encoding = transport.encodingFor?.(uri) ?? 'native';
    const common = { ...options, role: 'client' } as const;
    const negotiation = encodingNegotiation(encoding, common);
    const reconnect: ReconnectAttempt = async (session, signal) => {
      const again = encodingNegotiation(encoding, { ...common, continues: session });
      let goesOn = false;
      const take: Accept = (link, handshake) => {
        const { resumption } = again.open(handshake);
        goesOn = resumption?.peerHandled !== undefined && isSameId(resumption.id, session.id);
        if (goesOn) return session.attach(link, resumption?.peerHandled ?? 0);
        link.abort(new VfioUserError('VFU_PEER_CLOSED', 'the session is over'));
        return nullSink;
      };
      await transport.connect(uri, take, openContext(again, { ...options, signal }));
      return goesOn;
    };
    const take: Accept = (connection, handshake) => {
      const negotiated = negotiation.open(handshake);
      const session =
        negotiated.resumption &&
        resumableOnClient(connection, negotiated, { ...options, name: text, reconnect });
      const side = accept({ connection: session ?? connection, negotiated, session });
      resolve(side);
      return session?.begin(side.peer) ?? side.peer;
    };
    transport.connect(uri, take, openContext(negotiation, options)).catch(reject);
  });
}

export interface ListenOnUriOptions extends OpenOptions {
  /** The sessions that clients can take up again; absent if none survives its connection. */
  readonly sessions?: SessionTable | undefined;
  /** How long they are kept without a connection, ms. */
  readonly holdMs?: number;
  readonly report?: LinkReport;
  /** The link of a session was lost, and its client has not brought another one. */
  readonly onInterrupted?: () => void;
}

/** Listen on a URI in the encoding that it asks for. */
export function listenOnUri(
  registry: TransportRegistry,
  text: string,
  accept: (opened: NegotiatedConnection) => SessionSink,
  options: ListenOnUriOptions,
): Promise<Listener> {
  const { transport, uri } = registry.resolve(text);
  const reason = noInterrupts(registry, text);
  if (reason !== undefined) {
    options.logger?.warn({ listen: text }, `clients get no interrupts: ${reason}`);
  }
  const { sessions } = options;
  const negotiation = encodingNegotiation(transport.encodingFor?.(uri) ?? 'native', {
    ...options,
    role: 'server',
  });
  const take: Accept = (connection, handshake) => {
    const offer = negotiation.offered(handshake);
    if (offer !== undefined) {
      return offer.session.attach(connection, offer.peerHandled, offer.generation);
    }
    const negotiated = negotiation.open(handshake);
    const session =
      sessions &&
      negotiated.resumption &&
      resumableOnServer(connection, negotiated, sessions, options);
    const sink = accept({ connection: session ?? connection, negotiated, session });
    return session?.begin(sink) ?? sink;
  };
  return transport.listen(uri, take, openContext(negotiation, options));
}

function openContext(
  { framing, handshake }: EncodingNegotiation,
  { logger, signal }: OpenOptions,
): OpenContext {
  return {
    framing,
    ...(handshake && { handshake }),
    ...(logger && { logger }),
    ...(signal && { signal }),
  };
}

/**
 * Run `open` on a connection. An error aborts the connection; an abort rejects with the reason of
 * the signal, whatever else fails.
 */
export async function openSession<T>(
  connection: Connection,
  signal: AbortSignal | undefined,
  open: () => Promise<T>,
): Promise<T> {
  const onAbort = (): void => connection.abort(asError(signal?.reason));
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    return await open();
  } catch (error) {
    connection.abort(asError(error));
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Something that runs until it is closed. */
interface Ending {
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/**
 * Close `started` when the signal aborts. If it has aborted already, closes it and rejects with the
 * reason. Errors of closing are not for those who abort.
 */
export async function endWithSignal(
  started: Ending,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal === undefined) return;
  if (signal.aborted) {
    await started.close().catch(() => {});
    throw signal.reason;
  }
  const onAbort = (): void => void started.close().catch(() => {});
  signal.addEventListener('abort', onAbort, { once: true });
  void started.closed.then(() => signal.removeEventListener('abort', onAbort));
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
