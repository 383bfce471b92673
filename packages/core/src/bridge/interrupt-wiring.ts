import { tellInterrupt } from '../diagnostics/interrupts-told.js';
import {
  Command,
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_DATA_EVENTFD,
  IRQ_SET_DATA_NONE,
} from '../protocol/constants.js';
import type { Interrupt, SetIrqs } from '../protocol/messages.js';
import { call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import type { Descriptor, EventSource, Notifier } from '../transport/resources.js';

const SET_IRQS_BYTES = 20;
const ASSIGN = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;
const DISABLE = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER;

/** A vector that the client wants to hear of. */
interface Wired {
  readonly notifier: Notifier;
  /** The far end of it, where the device signals by descriptor. */
  source: EventSource | undefined;
}

/** Runs when every DMA write of the device that came before has reached the client's memory. */
export type AfterWrites = (action: () => void) => void;

/**
 * The interrupts of a bridged device: what the client gave (eventfds, or a wish for messages) is
 * kept here and fired when the device signals, whichever way it does that.
 */
export class InterruptWiring {
  readonly #afterWrites: AfterWrites;
  /** By interrupt index, then by vector. */
  readonly #wired = new Map<number, Map<number, Wired>>();

  constructor(afterWrites: AfterWrites) {
    this.#afterWrites = afterWrites;
  }

  /**
   * The client changed its interrupts: remember it. Takes over the notifiers, and what
   * {@link eventsFor} made of them, if the device was told.
   */
  change(request: SetIrqs, notifiers: readonly Notifier[], events: Events | undefined): void {
    const { index, start } = request;
    if (notifiers.length === 0) {
      if (takesBack(request)) this.#takeBack(request);
      return;
    }
    const vectors = this.#wired.get(index) ?? new Map<number, Wired>();
    this.#wired.set(index, vectors);
    notifiers.forEach((notifier, i) => {
      this.#release(vectors.get(start + i));
      vectors.set(start + i, { notifier, source: events?.sources[i] });
    });
  }

  /** INTERRUPT came from the device. */
  onMessage({ index, vector, count }: Interrupt): void {
    const wired = this.#wired.get(index)?.get(vector);
    if (wired !== undefined && count > 0) this.#signal(wired.notifier, index, vector, count);
  }

  /**
   * What to send along with SET_IRQS so that the device can signal `notifiers` of an index, from
   * vector `start` on: a number, or one descriptor each.
   */
  eventsFor(far: Peer, index: number, start: number, notifiers: readonly Notifier[]): Events {
    const { resources } = far.connection;
    if (far.extensions.interrupts || resources === undefined) {
      return { events: notifiers.length, sources: [], descriptors: [], close() {} };
    }
    const sources = notifiers.map((notifier, i) =>
      resources.createEvent((count) => this.#signal(notifier, index, start + i, count)),
    );
    return {
      events: undefined,
      sources,
      descriptors: sources.map((source) => source.descriptor()),
      close() {
        for (const source of sources) source.close();
      },
    };
  }

  /** What to tell a device that was reached anew: it knows once all of this is answered. */
  toRestore(far: Peer): readonly (() => Promise<void>)[] {
    return [...this.#wired].flatMap(([index, vectors]) =>
      [...vectors].map(
        ([vector, wired]) =>
          () =>
            this.#tell(far, index, vector, wired),
      ),
    );
  }

  close(): void {
    for (const vectors of this.#wired.values()) {
      for (const wired of vectors.values()) this.#release(wired);
    }
    this.#wired.clear();
  }

  #signal(notifier: Notifier, index: number, vector: number, count: number): void {
    this.#afterWrites(() => {
      tellInterrupt(index, vector, count);
      notifier.signal(count);
    });
  }

  #tell(far: Peer, index: number, vector: number, wired: Wired): Promise<void> {
    wired.source?.close();
    const { events, sources, descriptors } = this.eventsFor(far, index, vector, [wired.notifier]);
    [wired.source] = sources;
    const flags = ASSIGN;
    const body = { argsz: SET_IRQS_BYTES, flags, index, start: vector, count: 1, events };
    return call(far, Command.DEVICE_SET_IRQS, body, () => undefined, descriptors);
  }

  /** The client took back `count` vectors, or with 0 the whole index. */
  #takeBack({ index, start, count }: SetIrqs): void {
    const vectors = this.#wired.get(index);
    if (vectors === undefined) return;
    for (const [vector, wired] of vectors) {
      if (count !== 0 && (vector < start || vector >= start + count)) continue;
      this.#release(wired);
      vectors.delete(vector);
    }
  }

  #release(wired: Wired | undefined): void {
    wired?.notifier.close();
    wired?.source?.close();
  }
}

/** See {@link InterruptWiring.eventsFor}. */
export interface Events {
  readonly events: number | undefined;
  readonly sources: readonly EventSource[];
  readonly descriptors: readonly Descriptor[];
  /** The device refused: give the sources back. The descriptors went with the request. */
  close(): void;
}

/** Whether a SET_IRQS takes vectors back. */
function takesBack({ flags, count }: SetIrqs): boolean {
  return (flags === DISABLE && count === 0) || flags === ASSIGN;
}
