import type { NotificationFence } from '../device/notification-fence.js';
import {
  type AttachedEvents,
  attachEvents,
  type NewlyAttachedEvents,
  VectorSource,
} from '../device-end/vector-source.js';
import type { Attachment } from '../diagnostics/channels.js';
import { publishInterrupt } from '../diagnostics/channels.js';
import {
  IRQ_SET_ACTION_MASK,
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_ACTION_UNMASK,
  IRQ_SET_DATA_EVENTFD,
  IRQ_SET_DATA_NONE,
} from '../protocol/constants.js';
import { Command, Irq } from '../protocol/enums.js';
import type { Interrupt, SetIrqs } from '../protocol/messages.js';
import { SET_IRQS_HEAD_BYTES } from '../protocol/struct-sizes.js';
import { call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import { closeAll, type Notifier } from '../transport/resources.js';
import type { RestoreStep } from './client-state.js';

const ASSIGN = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;
const DISABLE = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER;
const MASK = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_MASK;
/** A message counts in 32 bits. */
const MAX_COUNT = 0xffff_ffff;
/** The device is unreachable. */
const NOTHING_ATTACHED: NewlyAttachedEvents = { events: undefined, descriptors: [], undo() {} };

/** A vector as the client has set it up. */
interface Vector {
  readonly index: number;
  readonly number: number;
  /** The client's notifier. */
  notifier: Notifier | undefined;
  masked: boolean;
  /** The event that the device signals, on transports that pass descriptors. */
  readonly source: VectorSource;
  /** Signals received while the vector is being changed; `undefined` otherwise. */
  held: number | undefined;
}

/**
 * A SET_IRQS that has been forwarded to the device. Exactly one of the two methods is called with
 * the outcome.
 */
export interface InterruptsChange extends AttachedEvents {
  /** Accepted, or to be restored on reconnection. */
  keep(): void;
  /** Refused: restores the previous state. */
  undo(): void;
}

/**
 * Interrupts of a bridged device: keeps the client's notifiers and masks, and notifies the client
 * when the device signals by event or message.
 */
export class BridgedInterrupts {
  readonly #fence: NotificationFence;
  readonly #attachment: Attachment;
  /** By interrupt index, then by vector. */
  readonly #vectors = new Map<number, Map<number, Vector>>();
  #closed = false;

  /** @param fence open when all DMA writes of the device have reached the client's memory. */
  constructor(fence: NotificationFence, attachment: Attachment) {
    this.#fence = fence;
    this.#attachment = attachment;
  }

  /**
   * Apply a validated SET_IRQS of the client; takes over the notifiers. Signals that arrive before
   * the device has answered are kept, as it may report pending interrupts at once.
   * @param device absent while it is not connected.
   */
  begin(
    request: SetIrqs,
    notifiers: readonly Notifier[],
    device: Peer | undefined,
  ): InterruptsChange {
    if (notifiers.length > 0) return this.#assign(request, notifiers, device);
    const undo = this.#mask(request);
    const keep = (): void => {
      if (takesBack(request)) this.#takeBack(request);
    };
    const events = request.flags === ASSIGN && device?.extensions.interrupts ? 0 : undefined;
    return { events, descriptors: [], keep, undo };
  }

  /** Handle INTERRUPT from the device. */
  onMessage({ index, vector, count }: Interrupt): void {
    const wanted = this.#vectors.get(index)?.get(vector);
    if (wanted !== undefined && count > 0) this.#onSignal(wanted, count);
  }

  /** Requests that restore the interrupts of a reconnected device. */
  restoreSteps(device: Peer): readonly RestoreStep[] {
    return [...this.#vectors.values()].flatMap((vectors) =>
      [...vectors.values()].map((vector) => () => this.#restore(device, vector)),
    );
  }

  close(): void {
    this.#closed = true;
    for (const vectors of this.#vectors.values()) {
      for (const vector of vectors.values()) release(vector);
    }
    this.#vectors.clear();
  }

  #assign(
    { index, start }: SetIrqs,
    notifiers: readonly Notifier[],
    device: Peer | undefined,
  ): InterruptsChange {
    const vectors = notifiers.map((_, i) => this.#vector(index, start + i));
    let attached = NOTHING_ATTACHED;
    const undo = (): void => {
      closeAll(notifiers);
      attached.undo();
      for (const vector of vectors) this.#settle(vector);
    };
    for (const vector of vectors) vector.held = 0;
    try {
      const sources = vectors.map(({ source }) => source);
      if (device !== undefined) attached = attachEvents(device, sources);
    } catch (error) {
      undo();
      throw error;
    }
    const keep = (): void => {
      if (this.#closed) {
        undo();
        return;
      }
      for (const [i, vector] of vectors.entries()) {
        vector.notifier?.close();
        vector.notifier = notifiers[i];
        // As in the device: INTx masked itself when it fired, and that would never be undone.
        if (index === Irq.INTX) vector.masked = false;
        this.#settle(vector);
      }
    };
    return { ...attached, keep, undo };
  }

  /** @returns a function that undoes it. */
  #mask({ flags, index, start, count, bools }: SetIrqs): () => void {
    const masks = (flags & IRQ_SET_ACTION_MASK) !== 0;
    const unmasks = (flags & IRQ_SET_ACTION_UNMASK) !== 0;
    const before = new Map<Vector, boolean>();
    if ((masks || unmasks) && (flags & IRQ_SET_DATA_EVENTFD) === 0) {
      for (let i = 0; i < count; i++) {
        if (bools !== undefined && bools[i] === 0) continue;
        const vector = this.#vector(index, start + i);
        before.set(vector, vector.masked);
        vector.masked = masks;
      }
    }
    return () => {
      for (const [vector, masked] of before) vector.masked = masked;
    };
  }

  /** The client unassigned `count` vectors, or with 0 the whole index with its masks. */
  #takeBack({ index, start, count }: SetIrqs): void {
    const vectors = this.#vectors.get(index);
    for (const vector of vectors?.values() ?? []) {
      const { number } = vector;
      if (count === 0 || (number >= start && number < start + count)) release(vector);
    }
    if (count === 0) this.#vectors.delete(index);
  }

  async #restore(device: Peer, vector: Vector): Promise<void> {
    const { index, number: start, notifier, masked } = vector;
    const set = (flags: number, { events, descriptors }: AttachedEvents): Promise<void> => {
      const body = { argsz: SET_IRQS_HEAD_BYTES, flags, index, start, count: 1, events };
      return call(device, Command.DEVICE_SET_IRQS, body, () => undefined, descriptors);
    };
    const mask = async (): Promise<void> => {
      if (masked) await set(MASK, NOTHING_ATTACHED);
    };
    const assign = async (): Promise<void> => {
      if (notifier !== undefined) await set(ASSIGN, attachEvents(device, [vector.source]));
    };
    if (index !== Irq.INTX) {
      // Mask first: otherwise pending interrupts are notified at once.
      await Promise.all([mask(), assign()]);
      return;
    }
    // Assigning a notifier unmasks the line. Signals until it is masked again are dropped: a level
    // that stays high is signalled again when the client unmasks.
    if (masked) vector.held = 0;
    try {
      await Promise.all([assign(), mask()]);
    } finally {
      if (masked) vector.held = undefined;
    }
  }

  #onSignal(vector: Vector, count: number): void {
    if (vector.held !== undefined) vector.held = Math.min(vector.held + count, MAX_COUNT);
    else this.#notify(vector, count);
  }

  #settle(vector: Vector): void {
    const { held } = vector;
    vector.held = undefined;
    if (held !== undefined && held > 0) this.#notify(vector, held);
  }

  /** Notify after the device's earlier DMA writes. */
  #notify(vector: Vector, count: number): void {
    const { notifier } = vector;
    if (notifier === undefined) return;
    if (this.#fence.open) this.#signal(vector, notifier, count);
    else this.#fence.run(() => this.#signal(vector, notifier, count));
  }

  #signal({ index, number }: Vector, notifier: Notifier, count: number): void {
    publishInterrupt(this.#attachment, index, number, count);
    notifier.signal(count);
  }

  #vector(index: number, number: number): Vector {
    const vectors = this.#vectors.get(index) ?? new Map<number, Vector>();
    this.#vectors.set(index, vectors);
    let vector = vectors.get(number);
    if (vector === undefined) {
      const source = new VectorSource((count) => this.#onSignal(added, count));
      const rest = { notifier: undefined, masked: false, held: undefined };
      const added: Vector = { index, number, source, ...rest };
      vectors.set(number, added);
      vector = added;
    }
    return vector;
  }
}

/** Whether a SET_IRQS unassigns vectors. */
function takesBack({ flags, count }: SetIrqs): boolean {
  return (flags === DISABLE && count === 0) || flags === ASSIGN;
}

function release(vector: Vector): void {
  vector.notifier?.close();
  vector.notifier = undefined;
  vector.source.close();
}
