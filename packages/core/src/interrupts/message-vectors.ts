import type { NotificationFence } from '../device/notification-fence.js';
import type { Attachment } from '../diagnostics/channels.js';
import { publishInterrupt } from '../diagnostics/channels.js';
import type { Notifier } from '../transport/resources.js';
import type { InterruptIndex } from './interrupt-index.js';

/**
 * The vectors of one index of messages (MSI, MSI-X) or of single events (ERR, REQ): notifiers,
 * masks and pending bits.
 *
 * In use once the driver has enabled the capability or the client has assigned a notifier: a client
 * does both, in either order. What is raised in between, or while the client exchanges notifiers,
 * becomes pending.
 */
export class MessageVectors implements InterruptIndex {
  readonly count: number;
  /** Bit `n % 8` of byte `n / 8` for vector `n`; padded to 8 bytes, as MSI-X lays it out. */
  readonly pending: Uint8Array;
  readonly #index: number;
  readonly #fence: NotificationFence;
  readonly #attachment: Attachment;
  readonly #notifiers: (Notifier | undefined)[];
  #assigned = 0;
  readonly #maskedByClient: Uint8Array;
  readonly #maskedByDriver: Uint8Array;
  #enabled = false;
  #functionMasked = false;
  /** Callbacks for the fence, one per vector, created on first use; replaced by a reset. */
  #deferred: ((() => void) | undefined)[] = [];

  /** @param index see `Irq`. */
  constructor(index: number, count: number, fence: NotificationFence, attachment: Attachment) {
    this.#index = index;
    this.count = count;
    this.pending = new Uint8Array(Math.ceil(count / 64) * 8);
    this.#fence = fence;
    this.#attachment = attachment;
    this.#notifiers = new Array<Notifier | undefined>(count).fill(undefined);
    this.#maskedByClient = new Uint8Array(count);
    this.#maskedByDriver = new Uint8Array(count);
  }

  /** Whether the driver has enabled the capability. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** Whether the client has assigned a notifier to any vector. */
  get assigned(): boolean {
    return this.#assigned > 0;
  }

  /** An unknown vector is ignored: the number often comes from the guest. */
  raise(vector: number): void {
    if (!(vector >= 0 && vector < this.count)) return;
    if (this.#fence.open) this.#send(vector);
    else this.#fence.run(this.#sendLater(vector));
  }

  /** The driver's enable and function mask bits. Disabling clears pending vectors. */
  configure(enabled: boolean, functionMasked: boolean): void {
    this.#enabled = enabled;
    this.#functionMasked = enabled && functionMasked;
    if (!enabled) this.pending.fill(0);
    else this.#sendPending();
  }

  /** The mask bit that the driver sets per vector. */
  maskByDriver(vector: number, masked: boolean): void {
    this.#maskedByDriver[vector] = masked ? 1 : 0;
    if (!masked) this.#sendIfPending(vector);
  }

  assign(start: number, notifiers: readonly Notifier[]): void {
    notifiers.forEach((notifier, i) => {
      this.#replace(start + i, notifier);
    });
    for (let i = 0; i < notifiers.length; i++) this.#sendIfPending(start + i);
  }

  deassign(start: number, count: number): void {
    for (let vector = start; vector < start + count; vector++) this.#replace(vector, undefined);
    this.#forgetIfUnused();
  }

  setMask(vector: number, masked: boolean): void {
    this.#maskedByClient[vector] = masked ? 1 : 0;
    if (!masked) this.#sendIfPending(vector);
  }

  trigger(vector: number): void {
    const notifier = this.#notifiers[vector];
    if (notifier !== undefined) this.#signal(vector, notifier);
  }

  disable(): void {
    for (let vector = 0; vector < this.count; vector++) this.#replace(vector, undefined);
    this.#maskedByClient.fill(0);
    this.#forgetIfUnused();
  }

  reset(): void {
    this.#enabled = false;
    this.#functionMasked = false;
    this.#maskedByDriver.fill(0);
    this.pending.fill(0);
    this.#deferred = [];
  }

  #replace(vector: number, notifier: Notifier | undefined): void {
    const old = this.#notifiers[vector];
    if (old !== undefined) this.#assigned--;
    if (notifier !== undefined) this.#assigned++;
    this.#notifiers[vector] = notifier;
    old?.close();
  }

  #send(vector: number): void {
    if (!this.#enabled && this.#assigned === 0) return;
    const notifier = this.#notifiers[vector];
    if (notifier === undefined || this.#isMasked(vector)) {
      this.pending[vector >> 3]! |= 1 << (vector & 7);
    } else {
      this.#signal(vector, notifier);
    }
  }

  #signal(vector: number, notifier: Notifier): void {
    publishInterrupt(this.#attachment, this.#index, vector, 1);
    notifier.signal();
  }

  #sendLater(vector: number): () => void {
    const existing = this.#deferred[vector];
    if (existing !== undefined) return existing;
    const generation = this.#deferred;
    const action = (): void => {
      // Dropped if it was raised before a reset.
      if (this.#deferred === generation) this.#send(vector);
    };
    generation[vector] = action;
    return action;
  }

  #isMasked(vector: number): boolean {
    return (
      this.#functionMasked ||
      this.#maskedByClient[vector] === 1 ||
      this.#maskedByDriver[vector] === 1
    );
  }

  #sendIfPending(vector: number): void {
    const bit = 1 << (vector & 7);
    const byte = this.pending[vector >> 3] ?? 0;
    if ((byte & bit) === 0) return;
    this.pending[vector >> 3] = byte & ~bit;
    this.#send(vector);
  }

  #sendPending(): void {
    this.pending.forEach((byte, i) => {
      if (byte === 0) return;
      for (let vector = i * 8; vector < i * 8 + 8; vector++) this.#sendIfPending(vector);
    });
  }

  #forgetIfUnused(): void {
    if (!this.#enabled && this.#assigned === 0) this.pending.fill(0);
  }
}
