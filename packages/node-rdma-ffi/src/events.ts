import { EventType } from './native/constants.js';
import type { DeviceContext } from './native/device-context.js';
import { NativeStruct } from './native/native-struct.js';
import { Poller } from './native/poller.js';
import { structs } from './native/structs.js';
import { watchRemoval } from './removal.js';

/** Something happened to a device, or to a part of it, that no completion reports. */
export interface DeviceEvent {
  readonly type: DeviceEventType;
  /** Of an event about a port. */
  readonly port?: number;
  /** Number of the queue pair, of an event about one. */
  readonly queuePair?: number;
  /** Why this package can no longer use a part of the device. */
  readonly error?: Error;
}

const texts = {
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
} as const satisfies Readonly<Record<keyof typeof EventType, string>>;

/**
 * What kind of event it is; `unknown` for one that is newer than this package. After `device
 * removed` the device should be closed: whoever removes it waits for that.
 */
export type DeviceEventType = (typeof texts)[keyof typeof texts] | 'device removed' | 'unknown';

const names = new Map<number, keyof typeof EventType>(
  Object.entries(EventType).map(([name, value]) => [value, name as keyof typeof EventType]),
);
const EAGAIN = 11;

/** Brings the asynchronous events of a device into the event loop. Does not keep the process alive. */
export class EventSource {
  readonly #context: DeviceContext;
  readonly #event = new NativeStruct(structs.ibv_async_event.size);
  readonly #listeners: ((event: DeviceEvent) => void)[] = [];
  #poller: Poller | undefined;
  #removal: { close(): void } | undefined;

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  add(listener: (event: DeviceEvent) => void): void {
    this.#listeners.push(listener);
    if (this.#poller !== undefined) return;
    this.#context.library.setNonBlocking(this.#context.asyncFd);
    this.#poller = new Poller(this.#context.asyncFd, () => this.#take());
    this.#poller.unref();
    this.#removal = watchRemoval(this.#context.name, () => this.report({ type: 'device removed' }));
  }

  report(event: DeviceEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  close(): void {
    this.#removal?.close();
    this.#removal = undefined;
    this.#poller?.close();
    this.#poller = undefined;
  }

  #take(): void {
    const { library } = this.#context;
    // A listener may close the device.
    while (this.#poller !== undefined) {
      if (library.getAsyncEvent(this.#context.pointer, this.#event.address) !== 0) {
        // The descriptor of a device that was taken away stays readable, and only fails.
        if (library.errno[0] !== EAGAIN) this.close();
        return;
      }
      const event = describeEvent(this.#event, this.#context.queuePairs);
      // Before anybody hears of it: destroying what it is about waits for this.
      library.ackAsyncEvent(this.#event.address);
      this.report(event);
    }
  }
}

/** A `struct ibv_async_event` in words. `queuePairs` has the numbers of the open ones by pointer. */
export function describeEvent(
  event: NativeStruct,
  queuePairs: ReadonlyMap<number, number>,
): DeviceEvent {
  const { element, event_type } = structs.ibv_async_event;
  const name = names.get(event.uint32(event_type));
  if (name === undefined) return { type: 'unknown' };
  const type = texts[name];
  switch (name) {
    case 'PORT_ACTIVE':
    case 'PORT_ERR':
    case 'LID_CHANGE':
    case 'PKEY_CHANGE':
    case 'SM_CHANGE':
    case 'CLIENT_REREGISTER':
    case 'GID_CHANGE':
      return { type, port: event.uint32(element) };
    case 'QP_FATAL':
    case 'QP_REQ_ERR':
    case 'QP_ACCESS_ERR':
    case 'COMM_EST':
    case 'SQ_DRAINED':
    case 'PATH_MIG':
    case 'PATH_MIG_ERR':
    case 'QP_LAST_WQE_REACHED': {
      const queuePair = queuePairs.get(event.word(element));
      return queuePair === undefined ? { type } : { type, queuePair };
    }
    default:
      return { type };
  }
}
