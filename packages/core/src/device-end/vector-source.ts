import type { Capabilities } from '../protocol/capabilities.js';
import type { Peer } from '../session/peer.js';
import { type Descriptor, descriptorOfEach, type EventSource } from '../transport/resources.js';

/** How a device signals one vector by descriptor: the event that it was given for it. */
export class VectorSource {
  readonly #onSignal: (count: number) => void;
  /** To the device at the other end of `peer`. */
  #given: { readonly peer: Peer; readonly event: EventSource } | undefined;

  /** @param onSignal runs with how often the device signalled since the last call. */
  constructor(onSignal: (count: number) => void) {
    this.#onSignal = onSignal;
  }

  isGivenTo(peer: Peer): boolean {
    return this.#given?.peer === peer;
  }

  /** For a device that has it already the same event, so that no signal of it goes astray. */
  give(peer: Peer, createEvent: (onSignal: (count: number) => void) => EventSource): Descriptor {
    if (this.#given?.peer !== peer) {
      this.close();
      this.#given = { peer, event: createEvent(this.#onSignal) };
    }
    return this.#given.event.descriptor();
  }

  close(): void {
    this.#given?.event.close();
    this.#given = undefined;
  }
}

/** What goes along with a SET_IRQS that assigns vectors: a number of events, or one descriptor each. */
export interface AttachedEvents {
  readonly events: number | undefined;
  readonly descriptors: readonly Descriptor[];
}

export interface NewlyAttachedEvents extends AttachedEvents {
  /** The device refused: what it was not given before is taken back. */
  undo(): void;
}

/** Nothing where interrupts cannot travel at all: see {@link Peer.carriesInterrupts}. */
export function attachEvents(peer: Peer, sources: readonly VectorSource[]): NewlyAttachedEvents {
  const { resources } = peer.connection;
  if (peer.extensions.interrupts || resources === undefined) {
    const events = peer.extensions.interrupts ? sources.length : undefined;
    return { events, descriptors: [], undo() {} };
  }
  const isNew = sources.filter((source) => !source.isGivenTo(peer));
  const undo = (): void => {
    for (const source of isNew) source.close();
  };
  try {
    const descriptors = descriptorOfEach(sources, (source) =>
      source.give(peer, (onSignal) => resources.createEvent(onSignal)),
    );
    return { events: undefined, descriptors, undo };
  } catch (error) {
    undo();
    throw error;
  }
}

/** Most events that one SET_IRQS can assign. @param device what the device can take. */
export function maxEvents({ extensions, connection }: Peer, device: Capabilities): number {
  if (extensions.interrupts) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(device.maxMsgFds, connection.capabilities.maxDescriptors));
}
