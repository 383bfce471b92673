import type { RdmaError } from './errors.js';
import { EventType } from './native/constants.js';
import type { DeviceContext } from './native/device-context.js';
import { NativeStruct } from './native/native-struct.js';
import { Poller } from './native/poller.js';
import { structs } from './native/structs.js';
import { watchRemoval } from './removal.js';

type Code = keyof typeof EventType;
type PortCode =
  | 'PORT_ACTIVE'
  | 'PORT_ERR'
  | 'LID_CHANGE'
  | 'PKEY_CHANGE'
  | 'SM_CHANGE'
  | 'CLIENT_REREGISTER'
  | 'GID_CHANGE';
type QueuePairCode =
  | 'QP_FATAL'
  | 'QP_REQ_ERR'
  | 'QP_ACCESS_ERR'
  | 'COMM_EST'
  | 'SQ_DRAINED'
  | 'PATH_MIG'
  | 'PATH_MIG_ERR'
  | 'QP_LAST_WQE_REACHED';
type DeviceCode = Exclude<Code, PortCode | QueuePairCode | 'CQ_ERR'> | 'DEVICE_REMOVED' | 'UNKNOWN';

/**
 * An asynchronous event of a device. The code is the name of the `IBV_EVENT_*` constant; `UNKNOWN`
 * is newer than this package. After `DEVICE_REMOVED` close the device: the removal waits for that.
 */
export type DeviceEvent =
  | { readonly code: PortCode /** The first is 1. */; readonly port: number }
  | {
      readonly code: QueuePairCode;
      /** Number of the queue pair; absent if it was closed meanwhile. */
      readonly queuePair?: number;
    }
  | {
      readonly code: 'CQ_ERR';
      /** The error of the completion queue, if this package detected it. */
      readonly error?: RdmaError;
    }
  | { readonly code: DeviceCode };

/** Kind of an event. */
export type DeviceEventCode = DeviceEvent['code'];

const texts: Readonly<Record<DeviceEventCode, string>> = {
  CQ_ERR: 'completion queue error',
  QP_FATAL: 'queue pair fatal',
  QP_REQ_ERR: 'queue pair request error',
  QP_ACCESS_ERR: 'queue pair access error',
  COMM_EST: 'communication established',
  SQ_DRAINED: 'send queue drained',
  PATH_MIG: 'path migrated',
  PATH_MIG_ERR: 'path migration error',
  DEVICE_FATAL: 'device fatal',
  PORT_ACTIVE: 'port active',
  PORT_ERR: 'port error',
  LID_CHANGE: 'lid change',
  PKEY_CHANGE: 'partition key change',
  SM_CHANGE: 'subnet manager change',
  SRQ_ERR: 'shared receive queue error',
  SRQ_LIMIT_REACHED: 'shared receive queue limit reached',
  QP_LAST_WQE_REACHED: 'queue pair last work request reached',
  CLIENT_REREGISTER: 'client reregister',
  GID_CHANGE: 'gid change',
  WQ_FATAL: 'work queue fatal',
  DEVICE_REMOVED: 'device removed',
  UNKNOWN: 'unknown event',
};

/** The code in words. */
export function deviceEventText(code: DeviceEventCode): string {
  return texts[code];
}

const codes = new Map<number, Code>(
  Object.entries(EventType).map(([code, value]) => [value, code as Code]),
);
const EAGAIN = 11;

/**
 * Reports the asynchronous events of a device in the event loop. Does not keep the process alive.
 */
export class DeviceEvents {
  readonly #context: DeviceContext;
  readonly #event = new NativeStruct(structs.ibv_async_event.size);
  readonly #subscriptions = new Set<{ readonly listener: (event: DeviceEvent) => void }>();
  #poller: Poller | undefined;
  #removal: { close(): void } | undefined;

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  /** @returns a function that removes the listener. */
  add(listener: (event: DeviceEvent) => void): () => void {
    const subscription = { listener };
    this.#subscriptions.add(subscription);
    this.#watch();
    return () => {
      this.#subscriptions.delete(subscription);
      if (this.#subscriptions.size === 0) this.close();
    };
  }

  report(event: DeviceEvent): void {
    for (const { listener } of this.#subscriptions) listener(event);
  }

  close(): void {
    this.#removal?.close();
    this.#removal = undefined;
    this.#poller?.close();
    this.#poller = undefined;
  }

  #watch(): void {
    if (this.#poller !== undefined) return;
    const { asyncFd, library, name } = this.#context;
    library.setNonBlocking(asyncFd);
    this.#poller = new Poller(asyncFd, () => this.#take());
    this.#poller.unref();
    this.#removal = watchRemoval(name, () => this.report({ code: 'DEVICE_REMOVED' }));
  }

  #take(): void {
    const { library } = this.#context;
    // A listener may close the device.
    while (this.#poller !== undefined) {
      if (library.getAsyncEvent(this.#context.pointer, this.#event.address) !== 0) {
        // The descriptor of a removed device stays readable, and reading fails.
        if (library.errno[0] !== EAGAIN) this.close();
        return;
      }
      const event = describeEvent(this.#event, this.#context.queuePairs);
      // Before reporting it: destroying its object waits for this.
      library.ackAsyncEvent(this.#event.address);
      this.report(event);
    }
  }
}

/** Decodes a `struct ibv_async_event`. `queuePairs` has the numbers of the open ones by pointer. */
export function describeEvent(
  event: NativeStruct,
  queuePairs: ReadonlyMap<number, number>,
): DeviceEvent {
  const { element, event_type } = structs.ibv_async_event;
  const code = codes.get(event.uint32(event_type)) ?? 'UNKNOWN';
  switch (code) {
    case 'PORT_ACTIVE':
    case 'PORT_ERR':
    case 'LID_CHANGE':
    case 'PKEY_CHANGE':
    case 'SM_CHANGE':
    case 'CLIENT_REREGISTER':
    case 'GID_CHANGE':
      return { code, port: event.uint32(element) };
    case 'QP_FATAL':
    case 'QP_REQ_ERR':
    case 'QP_ACCESS_ERR':
    case 'COMM_EST':
    case 'SQ_DRAINED':
    case 'PATH_MIG':
    case 'PATH_MIG_ERR':
    case 'QP_LAST_WQE_REACHED': {
      const queuePair = queuePairs.get(event.word(element));
      return queuePair === undefined ? { code } : { code, queuePair };
    }
    default:
      return { code };
  }
}
