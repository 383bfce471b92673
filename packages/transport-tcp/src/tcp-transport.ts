import {
  type Accept,
  type Connection,
  type EncodingName,
  type FrameSink,
  type Listener,
  type OpenContext,
  silentLogger,
  type Transport,
} from '@vfio-user/core';
import { type Endpoint, parseEndpoint, QUERY_KEYS } from './address/endpoint.js';
import { openConnection } from './connection/open-connection.js';
import { networkCapabilities, type PartsOf } from './connection/parts.js';
import { NetworkListener } from './listener/network-listener.js';
import { bind } from './network/bind.js';
import { dial } from './network/dial.js';
import { resolveOptions, type Settings, type TcpTransportOptions } from './options.js';

/** vfio-user over networks: `tcp:`, `tls:`, `ws:`, `wss:` and `vsock:`. */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  return new TcpTransport(resolveOptions(options));
}
