import { CompletionQueue, type CompletionQueueOptions } from './completion/completion-queue.js';
import { type DeviceEvent, DeviceEvents } from './device-events.js';
import { type DeviceAttributes, queryAttributes } from './discovery/attributes.js';
import { openListed, withDevices } from './discovery/device-list.js';
import { type PortInfo, queryPort } from './discovery/port.js';
import { invalid, shown, verbFailed } from './errors.js';
import { closeAll } from './native/close-all.js';
import type { DeviceContext } from './native/device-context.js';
import { ProtectionDomain } from './protection-domain.js';

/**
 * Opens a device by its name.
 * @throws {RdmaError} RDMA_UNAVAILABLE when there is none at all, RDMA_INVALID naming the existing
 * ones when this one does not exist.
 */
export function openDevice(name: string): RdmaDevice {
  return withDevices((devices) => {
    const found = devices.find((device) => device.name === name);
    if (found === undefined) {
      const names = devices.map((device) => device.name).join(', ');
      throw invalid(`there is no RDMA device ${shown(name)}: there is ${names}`);
    }
    return new RdmaDevice(openListed(found));
  });
}

/** An opened RDMA device. */
export class RdmaDevice {
  readonly name: string;
  readonly attributes: DeviceAttributes;
  readonly #context: DeviceContext;
  readonly #events: DeviceEvents;
  readonly #domains = new Set<ProtectionDomain>();
  readonly #completionQueues = new Set<CompletionQueue>();

  /** @internal Use {@link openDevice}. */
  constructor(context: DeviceContext) {
    this.#context = context;
    this.#events = new DeviceEvents(context);
    this.name = context.name;
    try {
      this.attributes = queryAttributes(context);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** A port as it is now. The first is 1. */
  queryPort(port: number): PortInfo {
    return queryPort(this.#context, port);
  }

  /** Creates a protection domain: a group of memory regions and queue pairs. */
  createProtectionDomain(): ProtectionDomain {
    const domain = new ProtectionDomain(this.#context, this.attributes, (gone) =>
      this.#domains.delete(gone),
    );
    this.#domains.add(domain);
    return domain;
  }

  /** Creates a completion queue for the work requests of any number of queue pairs. */
  createCompletionQueue(options: CompletionQueueOptions): CompletionQueue {
    const queue = new CompletionQueue(
      this.#context,
      options,
      (error) => this.#events.report({ code: 'CQ_ERR', error }),
      (gone) => this.#completionQueues.delete(gone),
    );
    this.#completionQueues.add(queue);
    return queue;
  }

  /**
   * Calls `listener` for each event from now on. Does not keep the process alive.
   * @returns a function that removes the listener; idempotent.
   */
  onEvent(listener: (event: DeviceEvent) => void): () => void {
    void this.#context.pointer; // throws when closed
    return this.#events.add(listener);
  }

  /** Closes everything that belongs to it first, in the right order. Idempotent. */
  close(): void {
    try {
      // Queue pairs are closed with their domain, and before the queues they report to.
      closeAll([...this.#domains, ...this.#completionQueues, this.#events]);
    } finally {
      this.#release();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #release(): void {
    const pointer = this.#context.invalidate();
    if (pointer === 0) return;
    if (this.#context.library.closeDevice(pointer) !== 0) {
      throw verbFailed('ibv_close_device', this.#context.library.errno[0] as number, this.name);
    }
  }
}
