/**
 * The few calls of the C library that Node lacks: passing descriptors, mapping memory, eventfds.
 * Linux only; the library is loaded at the first call, importing works everywhere.
 *
 * ```ts
 * const [ours, theirs] = socketPair();
 * const memory = createMemoryFile('shared', 4096);
 * const hello = new NativeMemory(5);
 * hello.bytes.set(Buffer.from('hello'));
 * new MessageSocket(ours).send(hello.address, 5, 0, 0, [memory]);
 *
 * const receiver = new MessageSocket(theirs);
 * receiver.receive(hello.address, 5); // 5
 * const [received] = receiver.takeDescriptors();
 * Mapping.create(received, { length: 4096, writable: true }).write(0, hello.bytes);
 * ```
 *
 * @packageDocumentation
 */
export {
  AF_UNIX,
  EAGAIN,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  SCM_MAX_FD,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
} from './constants.js';
export { createEventFd, EventFdReader, EventFdWriter, isEventFd } from './event-fd.js';
export { readFully, writeFully } from './file-access.js';
export { FileDescriptor } from './file-descriptor.js';
export { unavailableReason } from './libc.js';
export { checkRange, Mapping, type MappingOptions, WINDOW_BYTES } from './mapping.js';
export {
  addSeals,
  cannotShrink,
  createMemoryFile,
  type FileIdentity,
  getSeals,
  identifyFile,
} from './memory-file.js';
export { MessageSocket, WOULD_BLOCK } from './message-socket.js';
export { addressOf, NativeMemory } from './native-memory.js';
export { Poller } from './poller.js';
export {
  accept,
  bind,
  connect,
  isListening,
  isUnixStream,
  listen,
  type PeerCredentials,
  peerCredentials,
  shutdown,
  socketError,
  socketPair,
  streamSocket,
} from './socket.js';
export { UNIX_PATH_BYTES, unixSocketAddress } from './socket-address.js';
export { SystemError } from './system-error.js';
