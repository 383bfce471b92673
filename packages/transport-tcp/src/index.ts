/**
 * vfio-user over networks.
 *
 * | URI | what |
 * |---|---|
 * | `tcp://host:port` | plain TCP |
 * | `tls://host:port?ca=&cert=&key=` | TLS 1.3; the files are PEM, a server asks for client certificates when `ca` is given |
 * | `ws://host:port/path` | binary WebSocket messages, for instance through an HTTP reverse proxy |
 * | `wss://host:port/path?ca=&cert=&key=` | the same on TLS 1.3 |
 * | `vsock://cid:port` | between a machine and its virtual machines; `vsock://any:port` to listen |
 *
 * All of them take `encoding=portable` (the default) or `encoding=native`, and `timeout=10s`: how
 * long a peer may be silent towards the kernel before it counts as gone.
 *
 * ```ts
 * const registry = new TransportRegistry([tcpTransport()]);
 * await serve({ definition: counter, options, registry, listen: 'tcp://127.0.0.1:7000' });
 * ```
 *
 * @packageDocumentation
 */
export type { Lookup, TcpTransportOptions } from './options.js';
export { tcpTransport } from './tcp-transport.js';
