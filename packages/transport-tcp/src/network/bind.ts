import { type Logger, silentLogger } from '@vfio-user/core';
import { attemptFailed } from '@vfio-user/core/internal';
import type { Endpoint, NetworkEndpoint } from '../address/endpoint.js';
import { type ResolveLimits, resolveHostInTime } from '../address/resolve.js';
import { refuseUntrustedNetwork } from '../address/trust.js';
import type { PartsOf } from '../connection-parts.js';
import { type Acceptor, plainAcceptor } from '../listener/acceptor.js';
import type { TcpSettings } from '../options.js';
import { tcpStack } from '../stack/kernel-tcp-stack.js';
import type { RawListener, StackListenOptions } from '../stack/stack.js';
import { vsockStack } from '../stack/vsock-stack.js';
import type { CredentialStore } from '../tls/credential-store.js';
import { requireCertificate } from '../tls/credentials.js';
import { isSecure } from './dial.js';

/** Context of {@link acceptorFor}. */
export interface AcceptorContext {
  readonly settings: TcpSettings;
  readonly store: CredentialStore;
  readonly logger?: Logger | undefined;
}

/** The acceptor of an endpoint. What only its scheme needs (TLS, HTTP, WebSocket) is loaded here. */
export async function acceptorFor(
  endpoint: Endpoint,
  partsOf: PartsOf,
  { settings, store, logger = silentLogger }: AcceptorContext,
): Promise<Acceptor> {
  if (endpoint.scheme === 'vsock' || endpoint.scheme === 'tcp') return plainAcceptor(partsOf);
  if (isSecure(endpoint)) requireCertificate(endpoint);
  const credentials = isSecure(endpoint) ? await store.of(endpoint, logger) : undefined;
  if (credentials !== undefined && endpoint.tls.ca === undefined) {
    logger.warn(
      { uri: endpoint.href },
      'clients are not asked who they are: whoever reaches this port may use the device. Add ca= to let in only those with a certificate of that authority',
    );
  }
  if (endpoint.scheme === 'tls' && credentials !== undefined) {
    const { tlsAcceptor } = await import('../tls/tls-acceptor.js');
    return tlsAcceptor(credentials, partsOf, { settings, logger });
  }
  const { webSocketAcceptor } = await import('../websocket/web-socket-acceptor.js');
  const { maxFrameBytes: maxMessageBytes } = settings;
  return webSocketAcceptor({ endpoint, credentials, maxMessageBytes, logger }, partsOf);
}

/**
 * Listen on an endpoint.
 * @throws {VfioUserError} when that would be open to an untrusted network.
 */
export async function bind(
  endpoint: Endpoint,
  settings: TcpSettings,
  events: Pick<StackListenOptions, 'onSocket' | 'onError'>,
  signal?: AbortSignal,
): Promise<RawListener> {
  const options = {
    ...events,
    backlog: settings.backlog,
    peerTimeoutMs: endpoint.peerTimeoutMs ?? settings.peerTimeoutMs,
  };
  if (endpoint.scheme === 'vsock') return vsockStack.listen(endpoint, options);
  const ip = await addressToBind(endpoint, {
    lookup: settings.lookup,
    timeoutMs: settings.connectTimeoutMs,
    signal,
  });
  if (!settings.insecure) refuseUntrustedNetwork(endpoint, ip);
  try {
    return await tcpStack(settings).listen({ host: ip, port: endpoint.port }, options);
  } catch (error) {
    throw attemptFailed('listen-network', `cannot listen on ${endpoint.href}`, error);
  }
}

async function addressToBind({ host }: NetworkEndpoint, limits: ResolveLimits): Promise<string> {
  const [ip] = await resolveHostInTime(host, limits);
  return ip as string;
}
