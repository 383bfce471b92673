import type Koffi from 'koffi';
import { RdmaError } from '../errors.js';
import { type Platform, platform } from './platform.js';

/** The library that is loaded unless the environment variable names another. */
const DEFAULT_LIBRARY = 'libibverbs.so.1';
const LIBRARY_VARIABLE = 'NODE_RDMA_LIBRARY';

/** Calls the pointer found in `struct ibv_context`: the header makes these four inline functions. */
export interface DeviceCalls {
  readonly pollCq: (cq: number, count: number, wc: number) => number;
  readonly reqNotifyCq: (cq: number, solicitedOnly: number) => number;
  readonly postSend: (qp: number, wr: number, badWr: number) => number;
  readonly postRecv: (qp: number, wr: number, badWr: number) => number;
}

/**
 * libibverbs. Pointers are numbers (user space ends far below 2^53), so that a call allocates
 * nothing. A call that returns a pointer answers 0 and sets {@link Platform.errno}, the others return
 * the errno.
 */
export interface Ibverbs extends Platform {
  readonly getDeviceList: (count: number) => number;
  readonly freeDeviceList: (list: number) => void;
  readonly getDeviceName: (device: number) => string;
  readonly openDevice: (device: number) => number;
  readonly closeDevice: (context: number) => number;
  readonly queryDevice: (context: number, attributes: number) => number;
  readonly queryPort: (context: number, port: number, attributes: number) => number;
  readonly queryGid: (context: number, port: number, index: number, gid: number) => number;
  readonly allocPd: (context: number) => number;
  readonly deallocPd: (pd: number) => number;
  readonly regMr: (pd: number, address: number, length: number, access: number) => number;
  readonly deregMr: (mr: number) => number;
  readonly createCompChannel: (context: number) => number;
  readonly destroyCompChannel: (channel: number) => number;
  readonly createCq: (
    context: number,
    depth: number,
    userContext: number,
    channel: number,
    vector: number,
  ) => number;
  readonly destroyCq: (cq: number) => number;
  readonly getCqEvent: (channel: number, cq: number, userContext: number) => number;
  readonly ackCqEvents: (cq: number, count: number) => void;
  readonly createQp: (pd: number, attributes: number) => number;
  readonly modifyQp: (qp: number, attributes: number, mask: number) => number;
  readonly queryQp: (qp: number, attributes: number, mask: number, init: number) => number;
  readonly destroyQp: (qp: number) => number;
  readonly getAsyncEvent: (context: number, event: number) => number;
  readonly ackAsyncEvent: (event: number) => void;
  /** A pointer to a function of an opened device, made callable. */
  readonly deviceCall: <Name extends keyof DeviceCalls>(
    name: Name,
    pointer: number,
  ) => DeviceCalls[Name];
}

type Library = ReturnType<typeof Koffi.load>;

let loaded: Ibverbs | undefined;

/**
 * libibverbs, loaded at the first use: importing this package works everywhere.
 * @throws {RdmaError} RDMA_UNAVAILABLE with a sentence that says what this machine lacks.
 */
export function verbs(): Ibverbs {
  loaded ??= load();
  return loaded;
}

function load(): Ibverbs {
  const { koffi } = platform();
  const name = process.env[LIBRARY_VARIABLE] || DEFAULT_LIBRARY;
  let library: Library;
  try {
    library = koffi.load(name);
  } catch (cause) {
    const advice =
      name === DEFAULT_LIBRARY
        ? 'apt install libibverbs1 ibverbs-providers (rdma-core elsewhere)'
        : `correct or unset ${LIBRARY_VARIABLE}`;
    throw unavailable(`${name} cannot be loaded (${reason(cause)}): ${advice}`, cause);
  }
  try {
    return bind(platform(), library);
  } catch (cause) {
    throw unavailable(`${name} is no libibverbs (${reason(cause)}): install rdma-core`, cause);
  }
}

function unavailable(message: string, cause: unknown): RdmaError {
  return new RdmaError('RDMA_UNAVAILABLE', message, { cause });
}

const reason = (cause: unknown): string => (cause as Error).message.trim();

function bind(base: Platform, library: Library): Ibverbs {
  const { koffi } = base;
  // Without a name: types with names are known to the whole process, and this package may be there twice.
  const prototypes = {
    pollCq: koffi.proto('int', ['uintptr_t', 'int', 'uintptr_t']),
    reqNotifyCq: koffi.proto('int', ['uintptr_t', 'int']),
    postSend: koffi.proto('int', ['uintptr_t', 'uintptr_t', 'uintptr_t']),
    postRecv: koffi.proto('int', ['uintptr_t', 'uintptr_t', 'uintptr_t']),
  };
  // Before anything is registered: a child process must not take registered pages away from the
  // adapter by copy-on-write. Newer kernels do without, and then this does nothing.
  library.func('int ibv_fork_init()')();
  return {
    ...base,
    getDeviceList: library.func('uintptr_t ibv_get_device_list(uintptr_t)'),
    freeDeviceList: library.func('void ibv_free_device_list(uintptr_t)'),
    getDeviceName: library.func('const char *ibv_get_device_name(uintptr_t)'),
    openDevice: library.func('uintptr_t ibv_open_device(uintptr_t)'),
    closeDevice: library.func('int ibv_close_device(uintptr_t)'),
    queryDevice: library.func('int ibv_query_device(uintptr_t, uintptr_t)'),
    queryPort: library.func('int ibv_query_port(uintptr_t, uint8_t, uintptr_t)'),
    queryGid: library.func('int ibv_query_gid(uintptr_t, uint8_t, int, uintptr_t)'),
    allocPd: library.func('uintptr_t ibv_alloc_pd(uintptr_t)'),
    deallocPd: library.func('int ibv_dealloc_pd(uintptr_t)'),
    regMr: library.func('uintptr_t ibv_reg_mr(uintptr_t, uintptr_t, size_t, int)'),
    deregMr: library.func('int ibv_dereg_mr(uintptr_t)'),
    createCompChannel: library.func('uintptr_t ibv_create_comp_channel(uintptr_t)'),
    destroyCompChannel: library.func('int ibv_destroy_comp_channel(uintptr_t)'),
    createCq: library.func('uintptr_t ibv_create_cq(uintptr_t, int, uintptr_t, uintptr_t, int)'),
    destroyCq: library.func('int ibv_destroy_cq(uintptr_t)'),
    getCqEvent: library.func('int ibv_get_cq_event(uintptr_t, uintptr_t, uintptr_t)'),
    ackCqEvents: library.func('void ibv_ack_cq_events(uintptr_t, uint)'),
    createQp: library.func('uintptr_t ibv_create_qp(uintptr_t, uintptr_t)'),
    modifyQp: library.func('int ibv_modify_qp(uintptr_t, uintptr_t, int)'),
    queryQp: library.func('int ibv_query_qp(uintptr_t, uintptr_t, int, uintptr_t)'),
    destroyQp: library.func('int ibv_destroy_qp(uintptr_t)'),
    getAsyncEvent: library.func('int ibv_get_async_event(uintptr_t, uintptr_t)'),
    ackAsyncEvent: library.func('void ibv_ack_async_event(uintptr_t)'),
    deviceCall: (name, pointer) => koffi.decode(pointer, prototypes[name]),
  };
}
