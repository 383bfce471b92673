import type { DeviceAttributes } from './discovery/attributes.js';
import { closed, verbFailed } from './errors.js';
import type { MemoryRegionAccess } from './memory/access.js';
import { type AddressRange, MemoryRegion } from './memory/memory-region.js';
import { closeAll } from './native/close-all.js';
import type { DeviceContext } from './native/device-context.js';
import type { QueuePairOptions } from './queue-pair/creation.js';
import { QueuePair } from './queue-pair/queue-pair.js';

/** A protection domain: its queue pairs can access its memory regions only. */
export class ProtectionDomain {
  readonly #context: DeviceContext;
  readonly #attributes: DeviceAttributes;
  readonly #onGone: (domain: ProtectionDomain) => void;
  readonly #regions = new Set<MemoryRegion>();
  readonly #queuePairs = new Set<QueuePair>();
  #pointer: number;

  /** @internal Use {@link RdmaDevice.createProtectionDomain}. */
  constructor(
    context: DeviceContext,
    attributes: DeviceAttributes,
    onGone: (domain: ProtectionDomain) => void,
  ) {
    this.#context = context;
    this.#attributes = attributes;
    this.#onGone = onGone;
    const { library } = context;
    this.#pointer = library.allocPd(context.pointer);
    if (this.#pointer === 0) throw verbFailed('ibv_alloc_pd', library.errno[0] as number);
  }

  /**
   * Registers memory for the adapter with these permissions. A `Uint8Array` is referenced while
   * registered; memory given by its address must stay mapped that long.
   * @throws {RdmaError} with the verb, the errno and advice, for example about locked memory.
   */
  register(memory: Uint8Array | AddressRange, access: MemoryRegionAccess): MemoryRegion {
    const region = new MemoryRegion(this.#context, this.#open(), memory, access, (gone) =>
      this.#regions.delete(gone),
    );
    this.#regions.add(region);
    return region;
  }

  /** Creates a queue pair for a reliable connection, in the state `init`. */
  createQueuePair(options: QueuePairOptions): QueuePair {
    const queuePair = new QueuePair(
      this.#context,
      this.#attributes,
      this.#open(),
      options,
      (gone) => this.#queuePairs.delete(gone),
    );
    this.#queuePairs.add(queuePair);
    return queuePair;
  }

  /** Closes its queue pairs and memory regions first. Idempotent. */
  close(): void {
    const pointer = this.#pointer;
    if (pointer === 0) return;
    this.#pointer = 0;
    try {
      closeAll([...this.#queuePairs, ...this.#regions]);
    } finally {
      this.#free(pointer);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #free(pointer: number): void {
    const errno = this.#context.library.deallocPd(pointer);
    this.#onGone(this);
    if (errno !== 0) throw verbFailed('ibv_dealloc_pd', errno);
  }

  #open(): number {
    if (this.#pointer === 0) throw closed('the protection domain');
    return this.#pointer;
  }
}
