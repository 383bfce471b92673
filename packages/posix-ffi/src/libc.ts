import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import type Koffi from 'koffi';
import { ENOSYS } from './constants.js';
import { SystemError } from './system-error.js';

/**
 * The C library. Pointers are numbers (user space ends far below 2^53), so that a call allocates
 * nothing. Calls that fail return -1 and leave the reason in {@link Libc.errno}.
 */
export interface Libc {
  readonly koffi: typeof Koffi;
  /** The thread's own `errno`. Read it before anything else happens. */
  readonly errno: Int32Array;
  readonly pageBytes: number;
  readonly sendmsg: (fd: number, message: number, flags: number) => number;
  readonly recvmsg: (fd: number, message: number, flags: number) => number;
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly socketpair: (domain: number, type: number, protocol: number, pair: Int32Array) => number;
  readonly bind: (fd: number, address: Uint8Array, length: number) => number;
  readonly listen: (fd: number, backlog: number) => number;
  readonly accept4: (fd: number, address: number, length: number, flags: number) => number;
  readonly connect: (fd: number, address: Uint8Array, length: number) => number;
  readonly shutdown: (fd: number, how: number) => number;
  readonly getsockopt: (
    fd: number,
    level: number,
    name: number,
    value: Int32Array,
    length: Uint32Array,
  ) => number;
  readonly setsockopt: (
    fd: number,
    level: number,
    name: number,
    value: Int32Array,
    length: number,
  ) => number;
  readonly getsockname: (fd: number, address: Uint8Array, length: Uint32Array) => number;
  readonly getpeername: (fd: number, address: Uint8Array, length: Uint32Array) => number;
  readonly mmap: (
    address: number,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ) => number;
  readonly munmap: (address: number, length: number) => number;
  readonly madvise: (address: number, length: number, advice: number) => number;
  readonly memfdCreate: (name: string, flags: number) => number;
  readonly eventfd: (initial: number, flags: number) => number;
  readonly read: (fd: number, target: number, length: number) => number;
  readonly write: (fd: number, source: number, length: number) => number;
  readonly pread: (fd: number, target: number, length: number, offset: number) => number;
  readonly pwrite: (fd: number, source: number, length: number, offset: number) => number;
  /** `vectors` is the address of `count` pairs of address and length. */
  readonly preadv2: (
    fd: number,
    vectors: number,
    count: number,
    offset: number,
    flags: number,
  ) => number;
  /** 0 when there is none of that name. */
  readonly ifNameToIndex: (name: string) => number;
  /** Copy from or to the memory of a process, which may be this one; `local` and `remote` point at `struct iovec`s. */
  readonly processVmReadv: ProcessVm;
  readonly processVmWritev: ProcessVm;
  readonly schedYield: () => number;
  readonly poll: (entries: number, count: number, timeoutMs: number) => number;
  /** `fcntl` of the commands that take one int. */
  readonly fcntl: (fd: number, command: number, argument: number) => number;
  /** `fcntl` of the commands that take an address. */
  readonly fcntlAt: (fd: number, command: number, address: number) => number;
  readonly ioctl: (fd: number, request: number, address: number) => number;
  readonly fgetxattr: (fd: number, name: string, value: number, length: number) => number;
  readonly fsetxattr: (
    fd: number,
    name: string,
    value: number,
    length: number,
    flags: number,
  ) => number;
  readonly fallocate: (fd: number, mode: number, offset: number, length: number) => number;
  // By a thread of libuv's pool; `errno` is that of the call while `done` runs.
  readonly fallocateLater: (
    fd: number,
    mode: number,
    offset: number,
    length: number,
    done: Done,
  ) => void;
  readonly madviseLater: (address: number, length: number, advice: number, done: Done) => void;
  readonly ioctlLater: (fd: number, request: number, address: number, done: Done) => void;
  readonly close: (fd: number) => number;
  /** Returns an error number, and does not touch `errno`. */
  readonly getgrnamR: (
    name: string,
    group: number,
    strings: number,
    length: number,
    found: number,
  ) => number;
}

type ProcessVm = (
  pid: number,
  local: number,
  localCount: number,
  remote: number,
  remoteCount: number,
  flags: number,
) => number;

type Done = (error: unknown, result: number) => void;

let loaded: Libc | undefined;

/**
 * The C library, loaded at the first use: importing this package works everywhere.
 * @throws {Error} a sentence that says what this machine lacks.
 */
export function libc(): Libc {
  loaded ??= load();
  return loaded;
}

/** Why {@link libc} cannot work here, or `undefined` when it can. */
export function unavailableReason(): string | undefined {
  try {
    libc();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Fails with the errno of the call that just returned. */
export function failed(syscall: string, detail?: string): SystemError {
  return new SystemError(libc().errno[0] as number, syscall, detail);
}

/** Passes a result on, or throws the errno of the call that returned it. */
export function check(result: number, syscall: string, detail?: string): number {
  if (result === -1) throw failed(syscall, detail);
  return result;
}

function load(): Libc {
  if (process.platform !== 'linux' || endianness() !== 'LE' || !/64$/.test(process.arch)) {
    throw new Error(
      `descriptor passing needs 64-bit little-endian Linux, this is ${process.platform} on ${process.arch}: use a network transport such as tcp:`,
    );
  }
  try {
    // Required here and not imported above: koffi throws while loading where it has no binary.
    return bind(createRequire(import.meta.url)('koffi') as typeof Koffi);
  } catch (cause) {
    throw new Error(
      `cannot call the C library: ${(cause as Error).message}. Reinstall the dependencies on this machine (koffi brings one binary per platform) or use a network transport such as tcp:`,
      { cause },
    );
  }
}

function bind(koffi: typeof Koffi): Libc {
  // `null` is the program itself, which has glibc or musl linked in already.
  const library = koffi.load(null);
  const location = library.func('uintptr_t __errno_location()')() as number;
  const errno = new Int32Array(koffi.view(location, Int32Array.BYTES_PER_ELEMENT));
  const fallocate = library.func('int fallocate(int, int, int64_t, int64_t)');
  const madvise = library.func('int madvise(uintptr_t, size_t, int)');
  return {
    koffi,
    errno,
    pageBytes: library.func('int getpagesize()')() as number,
    sendmsg: library.func('intptr_t sendmsg(int, uintptr_t, int)'),
    recvmsg: library.func('intptr_t recvmsg(int, uintptr_t, int)'),
    socket: library.func('int socket(int, int, int)'),
    socketpair: library.func('int socketpair(int, int, int, void *)'),
    bind: library.func('int bind(int, void *, uint32_t)'),
    listen: library.func('int listen(int, int)'),
    accept4: library.func('int accept4(int, uintptr_t, uintptr_t, int)'),
    connect: library.func('int connect(int, void *, uint32_t)'),
    shutdown: library.func('int shutdown(int, int)'),
    getsockopt: library.func('int getsockopt(int, int, int, void *, void *)'),
    setsockopt: library.func('int setsockopt(int, int, int, void *, uint32_t)'),
    getsockname: library.func('int getsockname(int, void *, void *)'),
    getpeername: library.func('int getpeername(int, void *, void *)'),
    mmap: library.func('intptr_t mmap(uintptr_t, size_t, int, int, int, int64_t)'),
    munmap: library.func('int munmap(uintptr_t, size_t)'),
    memfdCreate: library.func('int memfd_create(const char *, uint)'),
    eventfd: library.func('int eventfd(uint, int)'),
    read: library.func('intptr_t read(int, uintptr_t, size_t)'),
    write: library.func('intptr_t write(int, uintptr_t, size_t)'),
    pread: library.func('intptr_t pread(int, uintptr_t, size_t, int64_t)'),
    pwrite: library.func('intptr_t pwrite(int, uintptr_t, size_t, int64_t)'),
    preadv2: optional(errno, () =>
      library.func('intptr_t preadv2(int, uintptr_t, int, int64_t, int)'),
    ),
    ifNameToIndex: library.func('uint if_nametoindex(const char *)'),
    processVmReadv: library.func(
      'intptr_t process_vm_readv(int, uintptr_t, ulong, uintptr_t, ulong, ulong)',
    ),
    processVmWritev: library.func(
      'intptr_t process_vm_writev(int, uintptr_t, ulong, uintptr_t, ulong, ulong)',
    ),
    schedYield: library.func('int sched_yield()'),
    poll: library.func('int poll(uintptr_t, ulong, int)'),
    fcntl: variadic(library.func('int fcntl(int, int, ...)'), 'int'),
    fcntlAt: variadic(library.func('int fcntl(int, int, ...)'), 'uintptr_t'),
    ioctl: variadic(library.func('int ioctl(int, ulong, ...)'), 'uintptr_t'),
    fgetxattr: library.func('intptr_t fgetxattr(int, const char *, uintptr_t, size_t)'),
    fsetxattr: library.func('int fsetxattr(int, const char *, uintptr_t, size_t, int)'),
    fallocate,
    madvise,
    fallocateLater: fallocate.async,
    madviseLater: madvise.async,
    // Variadic calls cannot be left to a thread. Integers go into the same registers either way.
    ioctlLater: library.func('int ioctl(int, ulong, uintptr_t)').async,
    close: library.func('int close(int)'),
    getgrnamR: library.func(
      'int getgrnam_r(const char *, uintptr_t, uintptr_t, size_t, uintptr_t)',
    ),
  };
}

/** A function that older C libraries lack (musl before 1.2.5): calling it fails with ENOSYS. */
function optional<Args extends unknown[]>(
  errno: Int32Array,
  bindIt: () => (...args: Args) => number,
): (...args: Args) => number {
  try {
    return bindIt();
  } catch {
    return () => {
      errno[0] = ENOSYS;
      return -1;
    };
  }
}

/** A variadic function is told the type of each extra argument. */
function variadic(call: (...args: unknown[]) => number, type: string): Libc['fcntl'] {
  return (fd, command, argument) => call(fd, command, type, argument);
}
