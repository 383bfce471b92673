import {
  CompletionQueue,
  type CompletionQueueOptions,
} from '../src/completion/completion-queue.js';
import type { RdmaError } from '../src/errors.js';
import type { DeviceContext } from '../src/native/device-context.js';
import { foreign, NativeStruct } from '../src/native/native-struct.js';
import { platform } from '../src/native/platform.js';

const WC_BYTES = 48;
const EAGAIN = 11;
/** The completion queue, as libibverbs would point to it. */
const QUEUE = 2;
const EFD_NONBLOCK = 0o4000;

/** A completion as an adapter reports it. */
export interface FakeCompletion {
  readonly id: number;
  readonly status?: number;
  readonly opcode?: number;
  readonly byteLength?: number;
  readonly immediate?: number;
  readonly queuePair?: number;
}

/** Stands in for an adapter and libibverbs below one completion queue. Its channel is a real descriptor. */
export class FakeAdapter {
  /** Calls that change something, in order. */
  readonly calls: string[] = [];
  readonly failures: RdmaError[] = [];
  readonly queue: CompletionQueue;
  /** Runs when the queue is armed, before that takes effect. */
  beforeArming: () => void = () => {};
  /** Runs when the queue is armed, once that has taken effect. */
  afterArming: () => void = () => {};
  /** Runs when the processor is given away. */
  onYield: () => void = () => {};
  pollFails = false;
  /** How often the queue was looked at. */
  looks = 0;
  /** What taking an event fails with, once there is none. */
  eventErrno = EAGAIN;
  unacknowledged = 0;
  readonly #pending: FakeCompletion[] = [];
  readonly #errno = new Int32Array(1);
  readonly #channel = new NativeStruct(16);
  readonly #write: (fd: number, value: number, length: number) => number;
  readonly #fd: number;
  readonly #one = new NativeStruct(8);
  #armed = false;
  #events = 0;

  constructor(options: CompletionQueueOptions) {
    const libc = platform().koffi.load(null);
    this.#fd = libc.func('int eventfd(uint, int)')(0, EFD_NONBLOCK) as number;
    this.#write = libc.func('intptr_t write(int, uintptr_t, size_t)');
    const read = libc.func('intptr_t read(int, uintptr_t, size_t)');
    const close = libc.func('int close(int)');
    this.#one.setWord(0, 1);
    this.#channel.view.setInt32(8, this.#fd, true);
    const log = (call: string): number => {
      this.calls.push(call);
      return 0;
    };
    const context = {
      pointer: 1,
      calls: {
        pollCq: (cq: number, count: number, wc: number) => {
          if (cq !== QUEUE) throw new Error(`a look at queue ${cq}, which is no queue`);
          return this.#poll(count, wc);
        },
        reqNotifyCq: () => {
          this.beforeArming();
          this.#armed = true;
          this.afterArming();
          return 0;
        },
      },
      library: {
        errno: this.#errno,
        setNonBlocking: () => {},
        yieldProcessor: () => this.onYield(),
        createCompChannel: () => this.#channel.address,
        createCq: () => QUEUE,
        getCqEvent: () => {
          if (this.#events > 0) {
            this.#events -= 1;
            this.unacknowledged += 1;
            return 0;
          }
          read(this.#fd, this.#channel.address, 8);
          this.#errno[0] = this.eventErrno;
          return -1;
        },
        ackCqEvents: (_cq: number, count: number) => {
          this.unacknowledged -= count;
        },
        destroyCq: () => log(`destroy queue, ${this.unacknowledged} unacknowledged`),
        destroyCompChannel: () => {
          close(this.#fd);
          return log('destroy channel');
        },
      },
    };
    this.queue = new CompletionQueue(
      // Only what a completion queue uses.
      context as unknown as DeviceContext,
      options,
      (error) => this.failures.push(error),
      () => log('gone'),
    );
  }

  /** A work request ends. */
  complete(...completions: FakeCompletion[]): void {
    this.#pending.push(...completions);
    if (this.#armed) this.event();
    this.#armed = false;
  }

  /** The channel becomes readable. */
  event(): void {
    this.#events += 1;
    this.#write(this.#fd, this.#one.address, 8);
  }

  #poll(count: number, address: number): number {
    this.looks += 1;
    if (this.pollFails) return -1;
    const taken = this.#pending.splice(0, count);
    const view = foreign(address, count * WC_BYTES);
    for (const [i, completion] of taken.entries()) {
      const at = i * WC_BYTES;
      view.setBigUint64(at, BigInt(completion.id), true);
      view.setUint32(at + 8, completion.status ?? 0, true);
      view.setUint32(at + 12, completion.opcode ?? 0, true);
      view.setUint32(at + 20, completion.byteLength ?? 0, true);
      view.setUint32(at + 24, completion.immediate ?? 0);
      view.setUint32(at + 28, completion.queuePair ?? 0, true);
      view.setUint32(at + 36, completion.immediate === undefined ? 0 : 2, true);
    }
    return taken.length;
  }
}
