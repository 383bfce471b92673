import type { Capabilities } from '../protocol/capabilities.js';
import type { Peer } from '../session/peer.js';
import { type Descriptor, descriptorOfEach, type EventSource } from '../transport/resources.js';

/** The event by which a device signals one vector. */
export class VectorSource {
  readonly #onSignal: (count: number) => void;
  /** The event that was passed to `peer`. */
  #given: { readonly peer: Peer; readonly event: EventSource } | undefined;

  /** @param onSignal called with the number of signals since the last call. */
  constructor(onSignal: (count: number) => void) {
    this.#onSignal = onSignal;
  }

  isGivenTo(peer: Peer): boolean {
    return this.#given?.peer === peer;
  }

  /** The same event again for a device that has it, so that no signal is lost. */
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

/**
 * What is attached to a SET_IRQS that assigns vectors: a number of events, or one descriptor each.
 */
export interface AttachedEvents {
  readonly events: number | undefined;
  readonly descriptors: readonly Descriptor[];
}

export interface NewlyAttachedEvents extends AttachedEvents {
  /** The device refused: close the events that it was newly given. */
  undo(): void;
}

/** Empty where interrupts are not supported: see {@link Peer.carriesInterrupts}. */
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

/**
 * Most events that one SET_IRQS can assign.
 * @param device the device's capabilities.
 */
export function maxEvents({ extensions, connection }: Peer, device: Capabilities): number {
  if (extensions.interrupts) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(device.maxMsgFds, connection.capabilities.maxDescriptors));
}
