import { VfioUserError } from '../errors.js';
import type { Capabilities } from '../protocol/capabilities.js';
import {
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_ACTION_UNMASK,
  IRQ_SET_DATA_EVENTFD,
  IRQ_SET_DATA_NONE,
} from '../protocol/constants.js';
import { Command } from '../protocol/enums.js';
import type { Interrupt, SetIrqs } from '../protocol/messages.js';
import { SET_IRQS_HEAD_BYTES } from '../protocol/struct-sizes.js';
import { call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import type { Descriptor } from '../transport/resources.js';
import { attachEvents, maxEvents, VectorSource } from './vector-source.js';

const ASSIGN = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;

/** Called with the vector and how often it was raised since the last call. */
export type InterruptHandler = (vector: number, count: number) => void;

/** A device's interrupts as a client sees them: one event per vector ("DEVICE_SET_IRQS"). */
export class DeviceInterrupts {
  readonly #peer: Peer;
  /** By interrupt index, then by vector. */
  readonly #sources = new Map<number, VectorSource[]>();
  readonly #handlers = new Map<number, InterruptHandler>();

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /**
   * Enable vectors 0 to `count` - 1 of an interrupt index. If the server refuses, nothing changes.
   * @param server the server's capabilities.
   */
  async enable(
    index: number,
    count: number,
    handler: InterruptHandler,
    server: Capabilities,
  ): Promise<void> {
    if (!this.#peer.carriesInterrupts) {
      const text =
        'this connection carries no interrupts: use encoding=portable, or a transport that passes descriptors';
      throw new VfioUserError('VFU_UNSUPPORTED', text);
    }
    const before = this.#handlers.get(index);
    // Registered first: the server may signal before its reply arrives.
    this.#handlers.set(index, handler);
    try {
      await this.#assign(index, count, maxEvents(this.#peer, server));
    } catch (error) {
      if (this.#handlers.get(index) === handler) {
        if (before === undefined) this.#handlers.delete(index);
        else this.#handlers.set(index, before);
      }
      throw error;
    }
  }

  /** Handle INTERRUPT. One that was not enabled is ignored, like a spurious interrupt. */
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
    for (const index of [...this.#sources.keys()]) this.#forget(index);
    this.#handlers.clear();
  }

  /** Assigns as many vectors per message as it can carry. */
  async #assign(index: number, count: number, most: number): Promise<void> {
    const sources = this.#sources.get(index) ?? [];
    this.#sources.set(index, sources);
    for (let vector = sources.length; vector < count; vector++) {
      sources.push(new VectorSource((signals) => this.#handlers.get(index)?.(vector, signals)));
    }
    const step = Math.min(count, most);
    const undo: (() => void)[] = [];
    try {
      for (let start = 0; start < count; start += step) {
        const part = sources.slice(start, Math.min(start + step, count));
        const { events, descriptors, ...attached } = attachEvents(this.#peer, part);
        undo.push(attached.undo);
        await this.#set({ flags: ASSIGN, index, start, count: part.length, events }, descriptors);
      }
    } catch (error) {
      for (const takeBack of undo) takeBack();
      throw error;
    }
    for (const source of sources.splice(count)) source.close();
  }

  #set(request: Omit<SetIrqs, 'argsz'>, descriptors?: readonly Descriptor[]): Promise<void> {
    const body = { argsz: SET_IRQS_HEAD_BYTES, ...request };
    return call(this.#peer, Command.DEVICE_SET_IRQS, body, () => undefined, descriptors);
  }

  #forget(index: number): void {
    for (const source of this.#sources.get(index) ?? []) source.close();
    this.#sources.delete(index);
    this.#handlers.delete(index);
  }
}
