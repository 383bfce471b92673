import { closeAll } from '@vfio-user/core/internal';
import type { MemoryDescriptor } from './memory-descriptor.js';
import type { MemoryEvent } from './memory-event.js';

/** Deliveries per turn of the event loop. */
const TURN_ITEMS = 64;
const TURN_BYTES = 262_144;

/** A frame in flight. */
export interface SentFrame {
  readonly head: Uint8Array;
  /** Still the sender's memory, until the frame is delivered. */
  readonly data: Uint8Array;
  readonly descriptors: readonly MemoryDescriptor[];
}

interface Signal {
  readonly event: MemoryEvent;
  count: number;
}

/** The receiving end. */
export interface Receiver {
  /** Delivery is paused. */
  readonly paused: boolean;
  deliverFrame(frame: SentFrame): void;
  /** The sender closed after all that came before. */
  deliverEnd(): void;
  /** The sender aborted: this overtakes what came before. */
  deliverAbort(): void;
}

/**
 * One direction of a connection: frames and signals in one queue, delivered in later turns of the
 * event loop.
 */
export class Channel {
  /** Runs when frames were delivered. */
  onDelivered: () => void = () => {};
  #receiver: Receiver | undefined;
  readonly #queue: (SentFrame | Signal)[] = [];
  /** What lies before it in the queue has been delivered. */
  #next = 0;
  #bytes = 0;
  #end: 'in order' | 'aborted' | undefined;
  #closed = false;
  #scheduled: NodeJS.Immediate | undefined;
  readonly #deliver = (): void => this.#deliverTurn();

  /** Bytes of frames that were not delivered. */
  get queuedBytes(): number {
    return this.#bytes;
  }

  connect(receiver: Receiver): void {
    this.#receiver = receiver;
    if (this.#end === 'aborted') receiver.deliverAbort();
    else this.schedule();
  }

  pushFrame(frame: SentFrame): void {
    if (this.#closed) {
      closeAll(frame.descriptors);
      return;
    }
    this.#queue.push(frame);
    this.#bytes += sizeOf(frame);
    this.schedule();
  }

  /** Signals that nothing separates are delivered as one, with their count. */
  pushSignal(event: MemoryEvent, count: number): void {
    if (this.#closed || this.#end !== undefined) return;
    const last = this.#next < this.#queue.length ? this.#queue.at(-1) : undefined;
    if (last !== undefined && 'event' in last && last.event === event) last.count += count;
    else this.#queue.push({ event, count });
    this.schedule();
  }

  /** The sender has closed: what is queued is still delivered. */
  end(): void {
    this.#end ??= 'in order';
    this.schedule();
  }

  /** The sender has aborted: what is queued is lost. */
  abort(): void {
    this.#end = 'aborted';
    this.close();
    this.#receiver?.deliverAbort();
  }

  /** Nothing more is delivered. */
  close(): void {
    this.#closed = true;
    this.#bytes = 0;
    clearImmediate(this.#scheduled);
    for (const item of this.#queue.splice(this.#next))
      if ('head' in item) closeAll(item.descriptors);
  }

  /** Deliver in the next turn, unless there is nothing to do or the receiver has paused. */
  schedule(): void {
    if (this.#closed || this.#scheduled !== undefined) return;
    if (this.#receiver === undefined || this.#receiver.paused) return;
    if (this.#next === this.#queue.length && this.#end === undefined) return;
    this.#scheduled = setImmediate(this.#deliver);
  }

  #deliverTurn(): void {
    this.#scheduled = undefined;
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    let bytes = 0;
    while (this.#next < TURN_ITEMS && bytes < TURN_BYTES && !this.#closed && !receiver.paused) {
      const item = this.#queue[this.#next];
      if (item === undefined) break;
      this.#next++;
      if ('head' in item) {
        const size = sizeOf(item);
        bytes += size;
        this.#bytes -= size;
        receiver.deliverFrame(item);
      } else {
        item.event.deliver(item.count);
      }
    }
    this.#queue.splice(0, this.#next);
    this.#next = 0;
    if (this.#closed) return;
    if (bytes > 0) this.onDelivered();
    if (this.#end !== undefined && this.#queue.length === 0 && !receiver.paused) {
      receiver.deliverEnd();
    } else {
      this.schedule();
    }
  }
}

function sizeOf({ head, data }: SentFrame): number {
  return head.length + data.length;
}
