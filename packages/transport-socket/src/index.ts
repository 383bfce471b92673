/**
 * Frames over a connected stream socket by system calls: what transports share that use the
 * kernel's sockets directly.
 *
 * @packageDocumentation
 */
export { type AcceptEvents, AcceptLoop } from './accept-loop.js';
export { fileDescriptor } from './descriptors.js';
export { type SocketConnectionParts, socketConnection } from './socket-connection.js';
export { systemFailure } from './system-failure.js';
