import { closed, invalid, RdmaError, verbFailed } from '../errors.js';
import { type Closable, closeAll } from '../native/close-all.js';
import { CompletionFlag } from '../native/constants.js';
import type { DeviceContext } from '../native/device-context.js';
import { NativeStruct } from '../native/native-struct.js';
import { structs } from '../native/structs.js';
import { CompletionChannel } from './completion-channel.js';
import { SpinBudget } from './spin-budget.js';

const { ibv_wc: WC } = structs;
/** Completions per call of `ibv_poll_cq`. */
const BATCH = 32;
/**
 * Batches per turn of the event loop, and its length, ms: timers, signals and other connections wait
 * for the end of it.
 */
const BATCHES_PER_TURN = 16;
const TURN_MS = 0.2;
const DEFAULT_SPIN_US = 50;

const resolved = Promise.resolve();

/** Options of {@link RdmaDevice.createCompletionQueue}. */
export interface CompletionQueueOptions {
  /** Number of entries. More completions than that at a time are a fatal error of the queue. */
  readonly depth: number;
  /** Longest busy polling for the next completion, microseconds. Default 50; 0: none. */
  readonly spinUs?: number;
}

/** Completed work requests, in a native array that is reused. */
export class CompletionQueue {
  /** @internal */
  readonly context: DeviceContext;
  readonly #entries = new NativeStruct(BATCH * WC.size);
  readonly #view = this.#entries.view;
  readonly #channel: CompletionChannel;
  readonly #pollCq: DeviceContext['calls']['pollCq'];
  readonly #spin: SpinBudget;
  readonly #queuePairs = new Set<Closable>();
  readonly #onFailure: (error: RdmaError) => void;
  readonly #onGone: (queue: CompletionQueue) => void;
  readonly #onTurn = (): void => this.#begin();
  /** Whatever a batch made ready to run by promises and `process.nextTick` runs before the next. */
  readonly #onMicrotask = () => process.nextTick(this.#onTick);
  readonly #onTick = (): void => {
    this.#isDue = false;
    if (this.#pointer !== 0) this.#run();
  };
  #pointer: number;
  #handler: ((count: number) => void) | undefined;
  #handling = false;
  #armed = false;
  /** The queue will be looked at, whether an event comes or not. */
  #isDue = false;
  #turnEndMs = 0;
  /** When the queue was looked at last. */
  #lookedMs = 0;
  #turnBatches = 0;
  #immediate: NodeJS.Immediate | undefined;

  /** @internal Use {@link RdmaDevice.createCompletionQueue}. */
  constructor(
    context: DeviceContext,
    { depth, spinUs = DEFAULT_SPIN_US }: CompletionQueueOptions,
    onFailure: (error: RdmaError) => void,
    onGone: (queue: CompletionQueue) => void,
  ) {
    if (!Number.isInteger(depth) || depth < 1) {
      throw invalid(`a completion queue of depth ${depth}: give a positive whole number`);
    }
    this.context = context;
    this.#onFailure = onFailure;
    this.#onGone = onGone;
    this.#pollCq = context.calls.pollCq;
    this.#spin = new SpinBudget(spinUs);
    this.#channel = new CompletionChannel(context);
    const { library } = context;
    this.#pointer = library.createCq(context.pointer, depth, 0, this.#channel.pointer, 0);
    if (this.#pointer === 0) {
      const errno = library.errno[0] as number;
      this.#channel.destroy();
      throw verbFailed('ibv_create_cq', errno, `depth ${depth}`);
    }
  }

  /**
   * From now on `handler(count)` runs in the event loop whenever completions were taken; it reads
   * entry i in 0..count-1 through the accessors, before it returns. Keeps the process alive.
   */
  start(handler: (count: number) => void): void {
    void this.pointer; // throws when closed
    if (this.#handler !== undefined) throw invalid('the completion queue was started already');
    this.#handler = handler;
    this.#channel.watch(() => this.#onEvent());
    this.#schedule();
  }

  /**
   * Polls once and runs the handler if there are completions.
   * @returns their number; the entries can be read until the next poll. Inside the handler it
   * returns 0.
   */
  poll(): number {
    const count = this.#take(this.pointer);
    if (count < 0) throw this.#pollFailed();
    return count;
  }

  /** The `id` given when posting. */
  id(i: number): number {
    return this.#entries.word(i * WC.size + WC.wr_id);
  }

  /** One of `CompletionStatus`. If it is not SUCCESS, only `id` and `queuePair` mean something. */
  status(i: number): number {
    return this.#view.getUint32(i * WC.size + WC.status, true);
  }

  /** One of `CompletionOpcode`. */
  opcode(i: number): number {
    return this.#view.getUint32(i * WC.size + WC.opcode, true);
  }

  /** Bytes received or read. */
  byteLength(i: number): number {
    return this.#view.getUint32(i * WC.size + WC.byte_len, true);
  }

  /** The 32 bits that came along. */
  immediate(i: number): number | undefined {
    const entry = i * WC.size;
    const flags = this.#view.getUint32(entry + WC.wc_flags, true);
    // In network byte order.
    return (flags & CompletionFlag.WITH_IMM) === 0
      ? undefined
      : this.#view.getUint32(entry + WC.imm_data);
  }

  /** Number of the local queue pair. */
  queuePair(i: number): number {
    return this.#view.getUint32(i * WC.size + WC.qp_num, true);
  }

  /** Idempotent. Queue pairs that report here are closed first. Can be called by the handler. */
  close(): void {
    const pointer = this.#pointer;
    if (pointer === 0) return;
    try {
      closeAll(this.#queuePairs);
    } finally {
      this.#pointer = 0;
      if (this.#immediate !== undefined) clearImmediate(this.#immediate);
      this.#channel.stop(pointer);
      this.#destroy(pointer);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal */
  get pointer(): number {
    if (this.#pointer === 0) throw closed('the completion queue');
    return this.#pointer;
  }

  /** @internal A queue pair reports here from now on. */
  adopt(queuePair: Closable): void {
    this.#queuePairs.add(queuePair);
  }

  /** @internal A queue pair is gone. */
  release(queuePair: Closable): void {
    this.#queuePairs.delete(queuePair);
  }

  #destroy(pointer: number): void {
    const errno = this.context.library.destroyCq(pointer);
    this.#channel.destroy();
    this.#onGone(this);
    if (errno !== 0) throw verbFailed('ibv_destroy_cq', errno);
  }

  #take(pointer: number): number {
    if (this.#handling) return 0;
    const count = this.#pollCq(pointer, BATCH, this.#entries.address);
    if (count <= 0 || this.#handler === undefined) return count;
    this.#handling = true;
    try {
      this.#handler(count);
    } finally {
      this.#handling = false;
    }
    return count;
  }

  #onEvent(): void {
    const errno = this.#channel.take(this.pointer);
    if (errno === 0) {
      this.#armed = false;
      if (!this.#isDue) this.#begin();
    } else {
      this.#fail(verbFailed('ibv_get_cq_event', errno));
    }
  }

  #schedule(): void {
    this.#isDue = true;
    this.#immediate = setImmediate(this.#onTurn);
  }

  /** A turn of the event loop begins. */
  #begin(): void {
    this.#isDue = false;
    this.#immediate = undefined;
    this.#turnEndMs = performance.now() + TURN_MS;
    this.#turnBatches = 0;
    this.#run();
  }

  /** Takes a batch of completions, or waits: by busy polling while that pays, otherwise for an event. */
  #run(): void {
    let goesOn = true;
    try {
      goesOn = this.#takeOrAwait();
    } finally {
      // Also if the handler threw: later completions must not be lost.
      if (goesOn && this.#pointer !== 0) this.#goOn();
    }
  }

  /** In this turn of the event loop, unless others have waited long enough. */
  #goOn(): void {
    const isOver = ++this.#turnBatches >= BATCHES_PER_TURN || this.#lookedMs >= this.#turnEndMs;
    if (isOver) {
      this.#schedule();
    } else {
      this.#isDue = true;
      void resolved.then(this.#onMicrotask);
    }
  }

  /** @returns whether to look again; otherwise there is an event for the next completion. */
  #takeOrAwait(): boolean {
    for (;;) {
      const count = this.#take(this.#pointer);
      if (this.#pointer === 0) return false;
      if (count < 0) {
        this.#fail(this.#pollFailed());
        return false;
      }
      const now = performance.now();
      this.#lookedMs = now;
      if (count > 0) {
        this.#spin.arrived(now);
        return true;
      }
      if (this.#spin.pays(now)) {
        if (now >= this.#turnEndMs) return true;
        // A driver in the kernel may need this processor to complete something.
        this.context.library.yieldProcessor();
      } else if (this.#armed) {
        return false;
      } else {
        // A completion between the last poll and this call causes no event: poll once more.
        this.#arm();
      }
    }
  }

  #arm(): void {
    const errno = this.context.calls.reqNotifyCq(this.#pointer, 0);
    this.#armed = true;
    if (errno !== 0) this.#fail(verbFailed('ibv_req_notify_cq', errno));
  }

  /** The queue has failed: report why to the device's listeners. */
  #fail(error: RdmaError): void {
    this.#channel.stop(this.#pointer);
    this.#onFailure(error);
  }

  #pollFailed(): RdmaError {
    return new RdmaError(
      'RDMA_VERB_FAILED',
      'ibv_poll_cq failed: the completion queue was overrun, or the device is gone; create a deeper queue',
      { verb: 'ibv_poll_cq' },
    );
  }
}
