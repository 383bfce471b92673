import {
  AF_UNIX,
  EAGAIN,
  EINPROGRESS,
  EINTR,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_ERROR,
  SO_PEERCRED,
  SO_TYPE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from './constants.js';
import { FileDescriptor } from './file-descriptor.js';
import { check, failed, libc } from './libc.js';

const STREAM_FLAGS = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

/** The process at the other end of a UNIX socket, as it was when it connected or listened. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** A non-blocking stream socket. */
export function streamSocket(domain: number = AF_UNIX): FileDescriptor {
  return FileDescriptor.fromSyscall(libc().socket(domain, STREAM_FLAGS, 0), 'socket');
}

/** Two connected UNIX stream sockets, non-blocking. */
export function socketPair(): [FileDescriptor, FileDescriptor] {
  const pair = new Int32Array(2);
  check(libc().socketpair(AF_UNIX, STREAM_FLAGS, 0, pair), 'socketpair');
  const [a, b] = pair as unknown as [number, number];
  return [FileDescriptor.fromSyscall(a, 'socketpair'), FileDescriptor.fromSyscall(b, 'socketpair')];
}

/** Bind to a socket address, for example one of `unixSocketAddress()`. */
export function bind(socket: FileDescriptor, address: Uint8Array, detail?: string): void {
  check(libc().bind(socket.number, address, address.length), 'bind', detail);
}

export function listen(socket: FileDescriptor, backlog: number): void {
  check(libc().listen(socket.number, backlog), 'listen');
}

/** The next waiting connection, non-blocking, or `undefined` when none waits. */
export function accept(socket: FileDescriptor): FileDescriptor | undefined {
  for (;;) {
    const result = libc().accept4(socket.number, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (result !== -1) return FileDescriptor.fromSyscall(result, 'accept');
    const errno = libc().errno[0];
    if (errno === EAGAIN) return undefined;
    if (errno !== EINTR) throw failed('accept');
  }
}

/** Connect. A UNIX socket answers at once: EAGAIN means that the listener's backlog is full. */
export function connect(socket: FileDescriptor, address: Uint8Array, detail?: string): void {
  check(libc().connect(socket.number, address, address.length), 'connect', detail);
}

/** Begin to connect. Returns whether that is done; if not, wait until writable and ask {@link socketError}. */
export function startConnect(socket: FileDescriptor, address: Uint8Array): boolean {
  if (libc().connect(socket.number, address, address.length) === 0) return true;
  const errno = libc().errno[0];
  if (errno !== EINPROGRESS && errno !== EINTR) throw failed('connect');
  return false;
}

/** The address a socket is bound to, as the kernel writes it. */
export function localAddress(socket: FileDescriptor): Uint8Array {
  return askAddress(libc().getsockname, socket, 'getsockname');
}

/** The address a socket is connected to, as the kernel writes it. */
export function remoteAddress(socket: FileDescriptor): Uint8Array {
  return askAddress(libc().getpeername, socket, 'getpeername');
}

/** Set an option that is one int. */
export function setSocketOption(
  socket: FileDescriptor,
  level: number,
  name: number,
  value: number,
): void {
  const words = Int32Array.of(value);
  check(libc().setsockopt(socket.number, level, name, words, words.byteLength), 'setsockopt');
}

export function shutdown(socket: FileDescriptor, how: number): void {
  check(libc().shutdown(socket.number, how), 'shutdown');
}

/** Whether connections can be accepted from it. */
export function isListening(socket: FileDescriptor): boolean {
  return socketOption(socket, SO_ACCEPTCONN) !== 0;
}

/** Whether it is a stream socket of the UNIX domain. Anything else, files included, is not. */
export function isUnixStream(descriptor: FileDescriptor): boolean {
  try {
    return (
      socketOption(descriptor, SO_DOMAIN) === AF_UNIX &&
      socketOption(descriptor, SO_TYPE) === SOCK_STREAM
    );
  } catch {
    return false;
  }
}

/** The pending error of a socket as a Linux number, 0 if there is none. Reading it clears it. */
export function socketError(socket: FileDescriptor): number {
  return socketOption(socket, SO_ERROR);
}

/** Who is at the other end of a connected UNIX socket. */
export function peerCredentials(socket: FileDescriptor): PeerCredentials {
  const [pid, uid, gid] = getOption(socket, SO_PEERCRED, 3) as unknown as [number, number, number];
  return { pid, uid, gid };
}

/** Room for any socket address (`struct sockaddr_storage`). */
const ADDRESS_BYTES = 128;

function askAddress(
  call: (fd: number, address: Uint8Array, length: Uint32Array) => number,
  socket: FileDescriptor,
  syscall: string,
): Uint8Array {
  const address = new Uint8Array(ADDRESS_BYTES);
  const length = Uint32Array.of(ADDRESS_BYTES);
  check(call(socket.number, address, length), syscall);
  return address.subarray(0, length[0]);
}

function socketOption(socket: FileDescriptor, name: number): number {
  return getOption(socket, name, 1)[0] as number;
}

function getOption(socket: FileDescriptor, name: number, words: number): Int32Array {
  const value = new Int32Array(words);
  const length = new Uint32Array([value.byteLength]);
  check(libc().getsockopt(socket.number, SOL_SOCKET, name, value, length), 'getsockopt');
  return value;
}
