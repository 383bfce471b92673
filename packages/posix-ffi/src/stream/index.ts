/**
 * Frames over a connected stream socket by system calls: what transports share that use the
 * kernel's sockets directly.
 *
 * @packageDocumentation
 */
export { closeAll, fileDescriptor } from './descriptors.js';
export {
  StreamConnection,
  type StreamConnectionParts,
  type StreamSettings,
} from './stream-connection.js';
export { errorCode, systemFailure } from './system-failure.js';
