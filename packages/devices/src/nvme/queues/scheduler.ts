import type { Dma } from '@vfio-user/core';
import type { AsyncEvents } from '../admin/async-events.js';
import type { Features } from '../admin/features.js';
import { Command } from '../commands/command.js';
import { COMMAND_BYTES } from '../commands/command-size.js';
import type { Completer } from '../commands/completer.js';
import type { Dispatcher } from '../commands/dispatcher.js';
import type { DoorbellPage } from './doorbell-page.js';
import { Pacemaker } from './pacemaker.js';
import type { QueueSet } from './queue-set.js';
import type { SubmissionQueue } from './submission-queue.js';

/** What one turn may do, so that register accesses are answered in between. */
const TURN_COMMANDS = 64;
const TURN_BYTES = 2 * 1024 * 1024;
/** Entries read by one message. */
const MAX_FETCH = 32;
/** Entries being read by message: each may turn into a transfer of MDTS. */
const MAX_FETCHING = 64;
/** Looks at mapped doorbells before the event loop gets its turn: a few microseconds. */
const SPINS = 256;

/** What the scheduler works with. */
export interface SchedulerInit {
  readonly dma: Dma;
  readonly queues: QueueSet;
  readonly features: Features;
  readonly events: AsyncEvents;
  readonly completer: Completer;
  readonly dispatcher: Dispatcher;
  /** A queue cannot be read any more. */
  onFatal(reason: string, error: unknown): void;
}

/** Takes commands from the submission queues, round robin, a bounded amount in each turn. */
export class Scheduler {
  readonly #init: SchedulerInit;
  readonly #pacemaker = new Pacemaker(() => this.#turn());
  #command: Command | undefined;
  #first = 0;
  #bytesLeft = 0;
  #fetching = 0;
  /** Present while the client may ring without a message. */
  page: DoorbellPage | undefined;

  constructor(init: SchedulerInit) {
    this.#init = init;
  }

  /** Something was rung, ended or made room. */
  kick(): void {
    this.#pacemaker.soon();
  }

  stop(): void {
    this.#pacemaker.stop();
  }

  #turn(): void {
    const { queues } = this.#init;
    let wasActive = false;
    try {
      wasActive = this.#work();
    } catch (error) {
      this.#init.onFatal('the controller failed', error);
    }
    if (this.#hasWork()) this.#pacemaker.soon();
    else if (this.page !== undefined && queues.submission.length > 0) {
      this.#pacemaker.poll(wasActive);
    }
  }

  #work(): boolean {
    const { completer, events, queues } = this.#init;
    let commandsLeft = TURN_COMMANDS;
    let spins = this.page === undefined ? 0 : SPINS;
    let wasActive = false;
    this.#bytesLeft = TURN_BYTES;
    completer.epoch++;
    while (commandsLeft > 0 && this.#bytesLeft > 0) {
      const rang = this.page?.poll() ?? false;
      const adminQueue = queues.submissionQueue(0);
      if (adminQueue === undefined) break;
      events.deliver(adminQueue);
      const count = this.#round(commandsLeft);
      commandsLeft -= count;
      if (count > 0 || rang) {
        wasActive = true;
        continue;
      }
      // Whoever was told may have rung again at once.
      if (completer.flushInterrupts() && this.#hasWork()) continue;
      if (spins-- === 0) break;
    }
    completer.flushInterrupts();
    // Views of guest memory end with the turn.
    completer.epoch++;
    return wasActive;
  }

  /** One round over all queues; returns how many commands it took. */
  #round(limit: number): number {
    const { submission } = this.#init.queues;
    const burst = this.#init.features.arbitrationBurst;
    let count = 0;
    this.#first++;
    for (let index = 0; index < submission.length && count < limit; index++) {
      const queue = submission[(this.#first + index) % submission.length];
      if (queue === undefined || queue.waiting === 0) continue;
      count += this.#serve(queue, Math.min(burst, limit - count));
    }
    return count;
  }

  #serve(queue: SubmissionQueue, limit: number): number {
    const count = Math.min(limit, this.#ready(queue));
    if (count === 0) return 0;
    let entries: DataView | undefined;
    try {
      entries = queue.ring.view(this.#init.completer.epoch);
    } catch (error) {
      this.#init.onFatal(`submission queue ${queue.id} is not in guest memory`, error);
      return 0;
    }
    if (entries === undefined) {
      this.#fetchByMessage(queue);
      return 0;
    }
    let taken = 0;
    while (taken < count && this.#bytesLeft > 0 && this.#ready(queue) > 0) {
      queue.completionQueue.reserved++;
      this.#take(queue, entries, queue.head * COMMAND_BYTES);
      taken++;
    }
    return taken;
  }

  #take(queue: SubmissionQueue, entries: DataView, offset: number): void {
    this.#command ??= new Command(queue);
    this.#command.load(queue, entries, offset);
    queue.fetched(1);
    this.#init.dispatcher.dispatch(this.#command);
    this.#bytesLeft -= this.#command.dataLength;
  }

  /** Commands of a queue which could be started now. */
  #ready(queue: SubmissionQueue): number {
    if (queue.state !== 'running' || queue.isFetching) return 0;
    if (this.#init.dispatcher.isFull(queue) || this.#fetching >= MAX_FETCHING) return 0;
    return Math.max(0, Math.min(queue.waiting, queue.completionQueue.free));
  }

  #hasWork(): boolean {
    return this.#init.queues.submission.some((queue) => this.#ready(queue) > 0);
  }

  #fetchByMessage(queue: SubmissionQueue): void {
    const toEnd = queue.ring.entryCount - queue.head;
    const count = Math.min(this.#ready(queue), toEnd, MAX_FETCH);
    const bytes = new Uint8Array(count * COMMAND_BYTES);
    queue.isFetching = true;
    this.#fetching += count;
    queue.completionQueue.reserved += count;
    this.#init.dma.read(queue.ring.addressOf(queue.head), bytes).then(
      () => this.#takeFetched(queue, new DataView(bytes.buffer), count),
      (error) => {
        this.#fetching -= count;
        if (queue.state !== 'reset') {
          this.#init.onFatal(`submission queue ${queue.id} is not in guest memory`, error);
        }
      },
    );
  }

  #takeFetched(queue: SubmissionQueue, entries: DataView, count: number): void {
    this.#fetching -= count;
    if (queue.state === 'reset') return;
    queue.isFetching = false;
    if (queue.state === 'deleted') {
      queue.completionQueue.reserved -= count;
      return;
    }
    this.#init.completer.epoch++;
    for (let index = 0; index < count; index++) this.#take(queue, entries, index * COMMAND_BYTES);
    this.#init.completer.flushInterrupts();
    this.#init.completer.epoch++;
    this.kick();
  }
}
