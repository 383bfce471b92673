import { VfioUserError } from '../errors.js';
import {
  Command,
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_ACTION_UNMASK,
  IRQ_SET_DATA_EVENTFD,
  IRQ_SET_DATA_NONE,
} from '../protocol/constants.js';
import type { Interrupt, SetIrqs } from '../protocol/messages.js';
import { call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import type { Descriptor, EventSource } from '../transport/resources.js';

const SET_IRQS_BYTES = 20;
const ASSIGN = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;

/** Called with the vector, and how often it was raised since the last call. */
export type InterruptHandler = (vector: number, count: number) => void;

/** The client's half of the interrupts: one event a vector ("DEVICE_SET_IRQS"). */
export class ClientInterrupts {
  readonly #peer: Peer;
  readonly #maxDescriptors: () => number;
  readonly #events = new Map<number, EventSource[]>();
  readonly #handlers = new Map<number, InterruptHandler>();

  constructor(peer: Peer, maxDescriptors: () => number) {
    this.#peer = peer;
    this.#maxDescriptors = maxDescriptors;
  }

  /**
   * Wire up vectors 0 to `count` - 1 of an interrupt index. If the server refuses, everything is as
   * it was before.
   */
  async enable(index: number, count: number, handler: InterruptHandler): Promise<void> {
    const before = this.#handlers.get(index);
    // Known here first: the server may signal before its reply arrives.
    this.#handlers.set(index, handler);
    try {
      if (this.#peer.extensions.interrupts) {
        await this.#set({ flags: ASSIGN, index, start: 0, count, events: count });
      } else await this.#enableByDescriptor(index, count);
    } catch (error) {
      if (this.#handlers.get(index) === handler) {
        if (before === undefined) this.#handlers.delete(index);
        else this.#handlers.set(index, before);
      }
      throw error;
    }
  }

  /** INTERRUPT came. One that was not asked for is ignored, as a spurious interrupt is. */
  onMessage({ index, vector, count }: Interrupt): void {
    this.#handlers.get(index)?.(vector, count);
  }

  async disable(index: number): Promise<void> {
    const flags = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER;
    await this.#set({ flags, index, start: 0, count: 0 });
    this.#forget(index);
  }

  /** End of interrupt for a line that masks itself when it fires (INTx). */
  unmask(index: number, vector = 0): Promise<void> {
    const flags = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_UNMASK;
    return this.#set({ flags, index, start: vector, count: 1 });
  }

  close(): void {
    for (const index of [...this.#events.keys()]) this.#forget(index);
    this.#handlers.clear();
  }

  /** A vector that is wired up again keeps its event, so that no signal of it goes astray. */
  async #enableByDescriptor(index: number, count: number): Promise<void> {
    const { resources } = this.#peer.connection;
    if (resources === undefined) {
      const text =
        'this connection carries no interrupts: use encoding=portable, or a transport that passes descriptors';
      throw new VfioUserError('VFU_UNSUPPORTED', text);
    }
    const events = this.#events.get(index) ?? [];
    const known = events.length;
    this.#events.set(index, events);
    const step = Math.max(1, this.#maxDescriptors());
    try {
      for (let vector = known; vector < count; vector++) {
        events.push(
          resources.createEvent((signals) => this.#handlers.get(index)?.(vector, signals)),
        );
      }
      for (let start = 0; start < count; start += step) {
        const part = events.slice(start, Math.min(start + step, count));
        const descriptors = part.map((event) => event.descriptor());
        await this.#set({ flags: ASSIGN, index, start, count: part.length }, descriptors);
      }
    } catch (error) {
      for (const event of events.splice(known)) event.close();
      throw error;
    }
    for (const event of events.splice(count)) event.close();
  }

  #set(request: Omit<SetIrqs, 'argsz'>, descriptors?: readonly Descriptor[]): Promise<void> {
    const body = { argsz: SET_IRQS_BYTES, ...request };
    return call(this.#peer, Command.DEVICE_SET_IRQS, body, () => undefined, descriptors);
  }

  #forget(index: number): void {
    for (const event of this.#events.get(index) ?? []) event.close();
    this.#events.delete(index);
    this.#handlers.delete(index);
  }
}
