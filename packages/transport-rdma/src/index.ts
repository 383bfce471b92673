/**
 * vfio-user over RDMA: `rdma://host:port?device=&gid-index=&fallback=&ca=&cert=&key=`.
 *
 * A TCP or TLS connection to the same address sets up a queue pair. Messages go over it, and the
 * device reads and writes guest memory by RDMA. Where there is no RDMA, everything goes by messages
 * over the first connection, unless `fallback=never` says otherwise.
 *
 * ```ts
 * const tcp = tcpTransport();
 * const registry = new TransportRegistry([tcp, rdmaTransport({ bootstrap: tcp })]);
 * await serve({ definition: counter, options, registry, listen: 'rdma://10.0.0.1:7000' });
 * ```
 *
 * @packageDocumentation
 */
export type { RdmaTransportOptions } from './options.js';
export { rdmaTransport } from './rdma-transport.js';
export type * from './verbs.js';
