import type { Socket } from 'node:net';
import type { Logger } from '@vfio-user/core';
import type { FramedConnection, PortLayer } from '@vfio-user/core/transport';
import type { Endpoint, NetworkEndpoint } from '../address/endpoint.js';
import { resolveHostInTime } from '../address/resolve.js';
import type { PartsOf } from '../connection-parts.js';
import { linkConnection } from '../link/link-port.js';
import { SocketLink } from '../link/socket-link.js';
import type { TcpSettings } from '../options.js';
import { unreachable } from '../stack/failure.js';
import { tcpStack } from '../stack/kernel-tcp-stack.js';
import type { RawSocket } from '../stack/stack.js';
import { vsockStack } from '../stack/vsock-stack.js';
import type { CredentialStore } from '../tls/credential-store.js';
import { explainTls } from '../tls/failure.js';
import { firstAnswer } from './first-answer.js';

/** Context of {@link dial}. */
export interface DialContext {
  readonly settings: TcpSettings;
  readonly store: CredentialStore;
  readonly logger?: Logger | undefined;
  readonly partsOf: PartsOf;
  readonly signal?: AbortSignal | undefined;
}

/** Connect to an endpoint, up to the start of the handshake or frames. */
export async function dial(endpoint: Endpoint, context: DialContext): Promise<FramedConnection> {
  const { settings, partsOf } = context;
  const deadline = performance.now() + settings.connectTimeoutMs;
  const timeLeft = (): number => Math.max(1, Math.ceil(deadline - performance.now()));
  if (endpoint.scheme === 'vsock') {
    const socket = await vsockStack.connect(endpoint, optionsOf(endpoint, context, timeLeft()));
    return socket.connection(partsOf(socket.peer));
  }
  // Read first: a wrong file name should not look like a network error.
  const credentials = isSecure(endpoint)
    ? (await context.store.of(endpoint, context.logger)).current
    : undefined;
  // Loaded while there is no socket yet, whose events nobody would hear meanwhile.
  const tls = credentials && { credentials, ...(await import('../tls/secure-client.js')) };
  const records =
    endpoint.scheme === 'tls' ? await import('../tls/record-connection.js') : undefined;
  const isWebSocket = endpoint.scheme === 'ws' || endpoint.scheme === 'wss';
  const webSocket = isWebSocket ? await import('../websocket/web-socket-client.js') : undefined;
  const socket = await reach(endpoint, context, timeLeft);
  const parts = partsOf(socket.peer);
  if (endpoint.scheme === 'tcp') return socket.connection(parts);
  const limits = { endpoint, timeoutMs: timeLeft(), signal: context.signal };
  if (credentials !== undefined && records?.canSealRecords(settings)) {
    return records.clientConnection(socket, parts, { ...limits, credentials });
  }
  const stream =
    tls && (await tls.secureClient(socket.stream(), { ...limits, credentials: tls.credentials }));
  const over = (secured: Socket, layer?: PortLayer): FramedConnection =>
    linkConnection(new SocketLink(secured, explainTls), parts, layer);
  if (webSocket === undefined) return over(stream ?? socket.stream());
  const { maxFrameBytes: maxMessageBytes } = settings;
  const options = { ...limits, peer: socket.peer, maxMessageBytes };
  return webSocket.webSocketClient(stream ?? socket.lend(), options, (layer) =>
    stream === undefined ? socket.connection(parts, layer) : over(stream, layer),
  );
}

/** Whether the scheme is encrypted. */
export function isSecure({ scheme }: Endpoint): boolean {
  return scheme === 'tls' || scheme === 'wss';
}

/** Connect to the address of the host that answers first. */
async function reach(
  endpoint: NetworkEndpoint,
  context: DialContext,
  timeLeft: () => number,
): Promise<RawSocket> {
  const { host, port, href } = endpoint;
  const addresses = await resolveHostInTime(host, {
    lookup: context.settings.lookup,
    timeoutMs: timeLeft(),
    signal: context.signal,
  });
  const answer = await firstAnswer(addresses, {
    signal: context.signal,
    connect: (ip, signal) => {
      const options = optionsOf(endpoint, { ...context, signal }, timeLeft());
      return tcpStack(context.settings).connect({ host: ip, port }, options);
    },
    close: (socket) => socket.destroy(),
  });
  if ('socket' in answer) return answer.socket;
  context.signal?.throwIfAborted();
  throw unreachable(`cannot connect to ${href}`, host, answer.failed);
}

function optionsOf(endpoint: Endpoint, { settings, signal }: DialContext, timeoutMs: number) {
  return { timeoutMs, peerTimeoutMs: endpoint.peerTimeoutMs ?? settings.peerTimeoutMs, signal };
}
