import type { NotificationFence } from '../device/notification-fence.js';
import {
  type AttachedEvents,
  attachEvents,
  type NewlyAttachedEvents,
  VectorSource,
} from '../device-end/vector-source.js';
import type { Attachment } from '../diagnostics/attachment.js';
import { publishInterrupt } from '../diagnostics/channels.js';
import {
  Command,
  IRQ_SET_ACTION_MASK,
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_ACTION_UNMASK,
  IRQ_SET_DATA_EVENTFD,
  IRQ_SET_DATA_NONE,
  Irq,
} from '../protocol/constants.js';
import type { Interrupt, SetIrqs } from '../protocol/messages.js';
import { call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import type { Notifier } from '../transport/resources.js';
import type { RestoreStep } from './client-state.js';

const SET_IRQS_BYTES = 20;
const ASSIGN = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;
const DISABLE = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER;
const MASK = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_MASK;
/** A message counts in 32 bits. */
const MAX_COUNT = 0xffff_ffff;
/** The device is not reached. */
const NOTHING_ATTACHED: NewlyAttachedEvents = { events: undefined, descriptors: [], undo() {} };

/** A vector as the client has set it up. */
interface Vector {
  readonly index: number;
  readonly number: number;
  /** Who wants to hear of it. */
  notifier: Notifier | undefined;
  masked: boolean;
  /** How the device signals it by descriptor, where it does that. */
  readonly source: VectorSource;
  /** Signals that came while it is being settled where they go; `undefined` when it is settled. */
  held: number | undefined;
}

/** A SET_IRQS that the device is being told of. One of the two is called once it has answered. */
export interface InterruptsChange extends AttachedEvents {
  /** It did so, or will be told when it is back. */
  keep(): void;
  /** It refused: everything is as it was. */
  undo(): void;
}

/**
 * The interrupts of a bridged device: what the client gave (eventfds, or a wish for messages) and
 * what it masked is kept here. It is notified when the device signals, whichever way that does it.
 */
export class BridgedInterrupts {
  readonly #fence: NotificationFence;
  readonly #attachment: Attachment;
  /** By interrupt index, then by number. */
  readonly #vectors = new Map<number, Map<number, Vector>>();
  #closed = false;

  /** @param fence open when every DMA write of the device has reached the client's memory. */
  constructor(fence: NotificationFence, attachment: Attachment) {
    this.#fence = fence;
    this.#attachment = attachment;
  }

  /**
   * The client changes its interrupts, by a request that is valid in itself. Takes over the
   * notifiers. What the device signals before it has answered is not lost: it may notify of what is
   * pending as soon as it gets the request.
   * @param far the device, while it is reached.
   */
  begin(request: SetIrqs, notifiers: readonly Notifier[], far: Peer | undefined): InterruptsChange {
    if (notifiers.length > 0) return this.#assign(request, notifiers, far);
    const undo = this.#mask(request);
    const keep = (): void => {
      if (takesBack(request)) this.#takeBack(request);
    };
    const events = request.flags === ASSIGN && far?.extensions.interrupts ? 0 : undefined;
    return { events, descriptors: [], keep, undo };
  }

  /** INTERRUPT came from the device. */
  onMessage({ index, vector, count }: Interrupt): void {
    const wanted = this.#vectors.get(index)?.get(vector);
    if (wanted !== undefined && count > 0) this.#onSignal(wanted, count);
  }

  /** What to tell a device that was reached anew: it knows once all of this is answered. */
  restoreSteps(far: Peer): readonly RestoreStep[] {
    return [...this.#vectors.values()].flatMap((vectors) =>
      [...vectors.values()].map((vector) => () => this.#tell(far, vector)),
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
    far: Peer | undefined,
  ): InterruptsChange {
    const vectors = notifiers.map((_, i) => this.#vector(index, start + i));
    let attached = NOTHING_ATTACHED;
    const undo = (): void => {
      for (const notifier of notifiers) notifier.close();
      attached.undo();
      for (const vector of vectors) this.#settle(vector);
    };
    for (const vector of vectors) vector.held = 0;
    try {
      const sources = vectors.map(({ source }) => source);
      if (far !== undefined) attached = attachEvents(far, sources);
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
        // As in the device: what was masked by firing for another would never be unmasked.
        if (index === Irq.INTX) vector.masked = false;
        this.#settle(vector);
      }
    };
    return { ...attached, keep, undo };
  }

  /** Returns what undoes it. */
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

  /** The client took back `count` vectors, or with 0 the whole index and all it masked of that. */
  #takeBack({ index, start, count }: SetIrqs): void {
    const vectors = this.#vectors.get(index);
    for (const vector of vectors?.values() ?? []) {
      const { number } = vector;
      if (count === 0 || (number >= start && number < start + count)) release(vector);
    }
    if (count === 0) this.#vectors.delete(index);
  }

  async #tell(far: Peer, vector: Vector): Promise<void> {
    const { index, number: start, notifier, masked } = vector;
    const set = (flags: number, { events, descriptors }: AttachedEvents): Promise<void> => {
      const body = { argsz: SET_IRQS_BYTES, flags, index, start, count: 1, events };
      return call(far, Command.DEVICE_SET_IRQS, body, () => undefined, descriptors);
    };
    const mask = async (): Promise<void> => {
      if (masked) await set(MASK, NOTHING_ATTACHED);
    };
    const assign = async (): Promise<void> => {
      if (notifier !== undefined) await set(ASSIGN, attachEvents(far, [vector.source]));
    };
    if (index !== Irq.INTX) {
      // Masked first: what is pending is notified at once otherwise.
      await Promise.all([mask(), assign()]);
      return;
    }
    // To wire the line up unmasks it. What it signals until it is masked again is not the client's
    // to see; a level that stays high is signalled again when the client unmasks it.
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

  /** Behind the DMA writes of the device that came before. */
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

/** Whether a SET_IRQS takes vectors back. */
function takesBack({ flags, count }: SetIrqs): boolean {
  return (flags === DISABLE && count === 0) || flags === ASSIGN;
}

function release(vector: Vector): void {
  vector.notifier?.close();
  vector.notifier = undefined;
  vector.source.close();
}
