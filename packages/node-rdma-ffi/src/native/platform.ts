import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import type Koffi from 'koffi';
import { RdmaError } from '../errors.js';

const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** What is needed to call C at all. */
export interface Platform {
  readonly koffi: typeof Koffi;
  /** The thread's own `errno`. Read it before anything else happens. */
  readonly errno: Int32Array;
  readonly pageBytes: number;
  readonly setNonBlocking: (fd: number) => void;
  /** Lets another thread run on this processor, if one wants to. */
  readonly yieldProcessor: () => void;
}

let loaded: Platform | undefined;

/**
 * Koffi and the C library, loaded at the first use.
 * @throws {RdmaError} RDMA_UNAVAILABLE when they do not work here.
 */
export function platform(): Platform {
  loaded ??= load();
  return loaded;
}

function load(): Platform {
  if (process.platform !== 'linux' || endianness() !== 'LE' || !/64$/.test(process.arch)) {
    throw new RdmaError(
      'RDMA_UNAVAILABLE',
      `RDMA needs 64-bit little-endian Linux, this is ${process.platform} on ${process.arch}: use such a machine`,
    );
  }
  try {
    // Required here and not imported above: koffi throws while loading where it has no binary.
    return bind(createRequire(import.meta.url)('koffi') as typeof Koffi);
  } catch (cause) {
    throw new RdmaError(
      'RDMA_UNAVAILABLE',
      `cannot call the C library (${(cause as Error).message}): install the dependencies on this machine, koffi brings one binary per platform`,
      { cause },
    );
  }
}

function bind(koffi: typeof Koffi): Platform {
  // `null` is the program itself, which has the C library linked in already.
  const libc = koffi.load(null);
  const location = libc.func('uintptr_t __errno_location()')() as number;
  const fcntl = libc.func('int fcntl(int, int, ...)') as (
    fd: number,
    command: number,
    type: 'int',
    argument: number,
  ) => number;
  return {
    koffi,
    errno: new Int32Array(koffi.view(location, Int32Array.BYTES_PER_ELEMENT)),
    pageBytes: libc.func('int getpagesize()')() as number,
    yieldProcessor: libc.func('int sched_yield()') as () => void,
    setNonBlocking: (fd) =>
      void fcntl(fd, F_SETFL, 'int', fcntl(fd, F_GETFL, 'int', 0) | O_NONBLOCK),
  };
}
