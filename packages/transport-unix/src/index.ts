/**
 * vfio-user over AF_UNIX sockets, with passed descriptors, mapped memory and eventfds: what an
 * unmodified QEMU, SPDK or cloud-hypervisor speaks.
 *
 * | URI | what |
 * |---|---|
 * | `unix:///run/dev.sock` | a socket file |
 * | `unix:@name` | a name in Linux' abstract namespace, for the same user only |
 * | `fd:3` | an inherited socket, listening or connected |
 *
 * ```ts
 * const registry = new TransportRegistry([unixTransport()]);
 * await serve({ definition: counter, options, registry, listen: 'unix:///run/counter.sock' });
 * ```
 *
 * @packageDocumentation
 */
export type { UnixTransportOptions } from './options.js';
export { unixTransport } from './unix-transport.js';
