import { tellInterrupt } from '../diagnostics/interrupts-told.js';
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
import type { Descriptor, EventSource, Notifier } from '../transport/resources.js';
import type { Telling } from './client-state.js';

const SET_IRQS_BYTES = 20;
const ASSIGN = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;
const DISABLE = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER;
const MASK = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_MASK;
/** A message counts in 32 bits. */
const MAX_COUNT = 0xffff_ffff;

/** A vector as the client has set it up. */
interface Vector {
  readonly index: number;
  readonly number: number;
  /** Who wants to hear of it. */
  notifier: Notifier | undefined;
  masked: boolean;
  /** What the device at the other end of `far` signals, where it does that by descriptor. */
  source: { readonly far: Peer; readonly event: EventSource } | undefined;
  /** Signals that came while it is being settled where they go; `undefined` when it is settled. */
  held: number | undefined;
}

/** Runs when every DMA write of the device that came before has reached the client's memory. */
export type AfterWrites = (action: () => void) => void;

/** What goes along with a SET_IRQS to the device: a number of events, or one descriptor each. */
export interface ToldEvents {
  readonly events: number | undefined;
  readonly descriptors: readonly Descriptor[];
}

/** A SET_IRQS that the device is being told of. One of the two is called once it has answered. */
export interface WiringChange extends ToldEvents {
  /** It did so, or will be told when it is back. */
  keep(): void;
  /** It refused: everything is as it was. */
  undo(): void;
}

/**
 * The interrupts of a bridged device: what the client gave (eventfds, or a wish for messages) and
 * what it masked is kept here. It is notified when the device signals, whichever way that does it.
 */
export class InterruptWiring {
  readonly #afterWrites: AfterWrites;
  /** By interrupt index, then by number. */
  readonly #vectors = new Map<number, Map<number, Vector>>();
  #closed = false;

  constructor(afterWrites: AfterWrites) {
    this.#afterWrites = afterWrites;
  }

  /**
   * The client changes its interrupts, by a request that is valid in itself. Takes over the
   * notifiers. What the device signals before it has answered is not lost: it may notify of what is
   * pending as soon as it gets the request.
   * @param far the device, while it is reached.
   */
  begin(request: SetIrqs, notifiers: readonly Notifier[], far: Peer | undefined): WiringChange {
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
  toTell(far: Peer): readonly Telling[] {
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
  ): WiringChange {
    const vectors = notifiers.map((_, i) => this.#vector(index, start + i));
    for (const vector of vectors) vector.held = 0;
    const sources = vectors.map(({ source }) => source);
    const undo = (): void => {
      for (const notifier of notifiers) notifier.close();
      for (const [i, vector] of vectors.entries()) {
        if (vector.source !== sources[i]) closeSource(vector);
        this.#settle(vector);
      }
    };
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
    return { ...this.#events(vectors, far), keep, undo };
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
    const set = (flags: number, { events, descriptors }: ToldEvents): Promise<void> => {
      const body = { argsz: SET_IRQS_BYTES, flags, index, start, count: 1, events };
      return call(far, Command.DEVICE_SET_IRQS, body, () => undefined, descriptors);
    };
    const mask = async (): Promise<void> => {
      if (masked) await set(MASK, { events: undefined, descriptors: [] });
    };
    const assign = async (): Promise<void> => {
      if (notifier !== undefined) await set(ASSIGN, this.#events([vector], far));
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

  /** By descriptor the device gets the same event as before, so that no signal of it goes astray. */
  #events(vectors: readonly Vector[], far: Peer | undefined): ToldEvents {
    const resources = far?.connection.resources;
    if (far?.extensions.interrupts) return { events: vectors.length, descriptors: [] };
    if (far === undefined || resources === undefined) {
      return { events: undefined, descriptors: [] };
    }
    const descriptors = vectors.map((vector) => {
      if (vector.source?.far !== far) {
        closeSource(vector);
        const event = resources.createEvent((count) => this.#onSignal(vector, count));
        vector.source = { far, event };
      }
      return vector.source.event.descriptor();
    });
    return { events: undefined, descriptors };
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

  #notify({ notifier, index, number }: Vector, count: number): void {
    if (notifier === undefined) return;
    this.#afterWrites(() => {
      tellInterrupt(index, number, count);
      notifier.signal(count);
    });
  }

  #vector(index: number, number: number): Vector {
    const vectors = this.#vectors.get(index) ?? new Map<number, Vector>();
    this.#vectors.set(index, vectors);
    let vector = vectors.get(number);
    if (vector === undefined) {
      const rest = { notifier: undefined, masked: false, source: undefined, held: undefined };
      vector = { index, number, ...rest };
      vectors.set(number, vector);
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
  closeSource(vector);
}

function closeSource(vector: Vector): void {
  vector.source?.event.close();
  vector.source = undefined;
}
