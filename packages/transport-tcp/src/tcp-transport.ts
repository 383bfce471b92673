import {
  type Accept,
  type Connection,
  type EncodingName,
  type Listener,
  type Logger,
  type OpenContext,
  type Transport,
  type TransportUri,
  VfioUserError,
} from '@vfio-user/core';
import { openClient, withPort } from '@vfio-user/core/transport';
import { type Endpoint, parseEndpoint, QUERY_KEYS } from './address/endpoint.js';
import { identityOf, networkCapabilities, type PartsOf } from './connection-parts.js';
import { NetworkListener } from './listener/network-listener.js';
import { acceptorFor, bind } from './network/bind.js';
import { dial, isSecure } from './network/dial.js';
import { resolveOptions, type TcpSettings, type TcpTransportOptions } from './options.js';
import type { RawSocket } from './stack/stack.js';
import { CredentialStore } from './tls/credential-store.js';

/** vfio-user over networks: `tcp:`, `tls:`, `ws:`, `wss:` and `vsock:`. */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  return new TcpTransport(resolveOptions(options));
}

class TcpTransport implements Transport {
  readonly schemes = ['tcp', 'tls', 'ws', 'wss', 'vsock'] as const;
  readonly queryKeys = QUERY_KEYS;
  readonly #settings: TcpSettings;
  readonly #store = new CredentialStore();

  constructor(settings: TcpSettings) {
    this.#settings = settings;
  }

  encodingFor(uri: TransportUri): EncodingName {
    return parseEndpoint(uri).encoding;
  }

  async connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection> {
    const endpoint = parseEndpoint(uri);
    const { signal } = context;
    signal?.throwIfAborted();
    if (endpoint.scheme === 'vsock' && endpoint.cid === undefined) {
      throw invalid(endpoint, 'any is for listening: connect to a number, 2 is the host');
    }
    if (endpoint.port === 0) throw invalid(endpoint, 'port 0 is for listening');
    const settings = this.#settings;
    const partsOf = this.#partsOf(context);
    const connection = await dial(endpoint, {
      settings,
      partsOf,
      signal,
      store: this.#store,
      logger: context.logger,
    });
    const opened = openClient(connection, accept, context, settings.handshakeTimeoutMs);
    return isSecure(endpoint) ? opened.catch(blameCertificate) : opened;
  }

  async listen(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Listener> {
    const endpoint = parseEndpoint(uri);
    const { signal } = context;
    signal?.throwIfAborted();
    const settings = this.#settings;
    const acceptor = await acceptorFor(endpoint, this.#partsOf(context), {
      settings,
      store: this.#store,
      logger: context.logger,
    });
    const listener = new NetworkListener({ acceptor, settings, accept, context });
    const events = {
      onSocket: (raw: RawSocket) => listener.onSocket(raw),
      onError: (error: Error) => listener.onError(error),
    };
    const socket = await bind(endpoint, settings, events, signal);
    if (signal?.aborted) {
      await socket.close();
      throw signal.reason;
    }
    listener.listening(withPort(uri, socket.port), socket);
    return listener;
  }

  reload(logger: Logger): Promise<void> {
    return this.#store.reload(logger);
  }

  #partsOf({ framing }: OpenContext): PartsOf {
    const settings = this.#settings;
    const capabilities = networkCapabilities(settings);
    return (peer, stream) => {
      const identity = identityOf(peer, stream);
      return { peer, identity, framing, capabilities, settings };
    };
  }
}

/** With TLS 1.3 a client is through before the server has looked at its certificate. */
function blameCertificate(error: unknown): never {
  if (!VfioUserError.is(error) || error.code !== 'VFU_PEER_CLOSED') throw error;
  const text = `${error.message}. Perhaps the server does not accept our certificate: its log says why`;
  throw new VfioUserError(error.code, text, { cause: error });
}

function invalid({ href }: Endpoint, what: string): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', `${href}: ${what}`);
}
