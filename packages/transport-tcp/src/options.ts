import { lookup } from 'node:dns/promises';
import { type ConnectionOptions, resolveOptions as resolve } from '@vfio-user/core/transport';

/** The addresses of a host; rejects when there is no such host. */
export type Lookup = (host: string) => Promise<readonly { readonly address: string }[]>;

/** Options of {@link tcpTransport}. */
export interface TcpTransportOptions extends ConnectionOptions {
  /**
   * Listen beyond this machine also without encryption and without knowing who connects: whoever
   * reaches the port may use the device. Default `false`.
   */
  readonly insecure?: boolean;
  /**
   * Connections of one listener that are not through TLS, HTTP and their greeting, at a time; the
   * oldest makes room for the next. Default 64.
   */
  readonly maxPending?: number;
  /** How long a peer may take for TLS and HTTP, and for its greeting, ms each. Default 5000. */
  readonly handshakeTimeoutMs?: number;
  /** How long `connect()` tries, and `listen()` for the address of a name, ms. Default 5000. */
  readonly connectTimeoutMs?: number;
  /**
   * How long a peer may be silent towards the kernel, which then gives it up: it acknowledges
   * neither data nor keep-alives, or it reads nothing although it is sent something, ms.
   * `?timeout=` in a URI wins. Default 30000.
   */
  readonly peerTimeoutMs?: number;
  /**
   * All but `wss:` await the next message actively for up to this long if messages come that quickly,
   * which saves a wake-up. 0 switches it off. Default 100.
   */
  readonly maxSpinUs?: number;
  /** Connections that may wait to be accepted. Default 64. */
  readonly backlog?: number;
  /**
   * Use the kernel's sockets by system calls, where this process can make them: that saves Node's
   * stream layers on each message. Default `true`.
   */
  readonly systemCalls?: boolean;
  /** How a host name becomes addresses, best first. Default: as the system does it. */
  readonly lookup?: Lookup;
}

/** The options with the defaults filled in. */
export type TcpSettings = Required<TcpTransportOptions>;

/** @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the option that makes no sense. */
export function resolveOptions(options: TcpTransportOptions): TcpSettings {
  return resolve(options, {
    insecure: false,
    maxPending: 64,
    handshakeTimeoutMs: 5000,
    connectTimeoutMs: 5000,
    peerTimeoutMs: 30_000,
    maxSpinUs: 100,
    backlog: 64,
    systemCalls: true,
    lookup: (host: string) => lookup(host, { all: true }),
  });
}
