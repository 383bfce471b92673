/**
 * The few calls of the C library that Node lacks: passing descriptors, mapping memory, eventfds,
 * locks and attributes of files. And encryption by the OpenSSL that Node has, in memory of one's own.
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
export { Aead, type AeadName, canUseAead, NONCE_BYTES, TAG_BYTES } from './aead.js';
export { type BlockDeviceInfo, blockDeviceInfo } from './block-device.js';
export { BlockingStream } from './blocking-stream.js';
export { NOT_CACHED, readCached } from './cached-read.js';
export {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AF_VSOCK,
  EAGAIN,
  EINVAL,
  ENOLCK,
  ENOSYS,
  EOPNOTSUPP,
  ERANGE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  IPPROTO_TCP,
  SCM_MAX_FD,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_KEEPALIVE,
  SO_REUSEADDR,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
  TCP_RTO_MAX_MS,
  TCP_USER_TIMEOUT,
  VMADDR_CID_ANY,
  VMADDR_PORT_ANY,
} from './constants.js';
export { canPunchHoles, discardBlocks, punchHole, zeroRange } from './deallocate.js';
export { createEventFd, EventFdReader, EventFdWriter, isEventFd } from './event-fd.js';
export { createAttribute, getAttribute } from './extended-attribute.js';
export { openFlags, readFully, writeFully } from './file-access.js';
export { FileDescriptor, type OpenFile } from './file-descriptor.js';
export { findLock, type HeldLock, type LockRange, lockShared, unlock } from './file-lock.js';
export { groupId } from './group.js';
export { canCopyGuarded } from './guarded-copy.js';
export { unavailableReason } from './libc.js';
export { checkRange, Mapping, type MappingOptions, WINDOW_BYTES } from './mapping.js';
export {
  addSeals,
  cannotShrink,
  createMemoryFile,
  type FileIdentity,
  getSeals,
  hostPageBytes,
  identifyFile,
  type MemoryBacking,
  memoryBacking,
} from './memory-file.js';
export { MessageSocket, WOULD_BLOCK } from './message-socket.js';
export { addressOf, NativeMemory } from './native-memory.js';
export { allocatePages, collapsePages, HUGE_PAGE_BYTES, releasePages } from './pages.js';
export { Placement } from './placement.js';
export { Poller, pollersRunPromises } from './poller.js';
export { yieldProcessor } from './processor.js';
export {
  accept,
  bind,
  connect,
  isListening,
  isUnixStream,
  listen,
  localAddress,
  type PeerCredentials,
  peerCredentials,
  remoteAddress,
  setSocketOption,
  shutdown,
  socketError,
  socketPair,
  startConnect,
  streamSocket,
} from './socket.js';
export {
  type InternetAddress,
  internetSocketAddress,
  parseInternetAddress,
  parseVsockAddress,
  UNIX_PATH_BYTES,
  unixSocketAddress,
  type VsockAddress,
  vsockSocketAddress,
} from './socket-address.js';
export { SystemError } from './system-error.js';
export { systemNames, systemText } from './system-files.js';
export { memoryAreas } from './virtual-memory-areas.js';
