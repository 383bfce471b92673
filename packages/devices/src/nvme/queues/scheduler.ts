import type { AsyncEvents } from '../admin/async-events.js';
import type { Features } from '../admin/features.js';
import { Command } from '../commands/command.js';
import type { Completer } from '../commands/completer.js';
import type { Executor } from '../commands/executor.js';
import type { DoorbellPage } from './doorbell-page.js';
import type { QueueSet } from './queue-set.js';
import { COMMAND_BYTES, type SubmissionQueue } from './submission-queue.js';

/** Commands of one turn, so that register accesses are answered in between. */
const TURN_COMMANDS = 64;
const TURN_BYTES = 2 * 1024 * 1024;
/** Data after which the host is shown what has completed. */
const BURST_BYTES = 32 * 1024;
/** Entries read by one message. */
const MAX_FETCH = 32;
/** Entries being read by message: each may turn into a transfer of MDTS. */
const MAX_FETCHING = 64;
/** Polls of mapped doorbells in one turn: a few microseconds. */
const SPINS = 512;
/** After the last activity: how long to poll in every turn of the event loop, milliseconds. */
const HOT_MS = 20;
/** How long to poll with the short pause, milliseconds. */
const WARM_MS = 1000;
/** Pauses, milliseconds: what waking up costs in delay, against what waiting costs in processor time. */
const SHORT_PAUSE_MS = 1;
const LONG_PAUSE_MS = 10;

/** What the scheduler works with. */
export interface SchedulerInit {
  readonly queues: QueueSet;
  readonly features: Features;
  readonly events: AsyncEvents;
  readonly completer: Completer;
  readonly executor: Executor;
  /** A queue can no longer be read. */
  onFatal(reason: string, error: unknown): void;
}

/**
 * Takes commands from the submission queues, round robin, a bounded amount in each turn. Work makes
 * the next turn that of the event loop, so that messages are answered in between; polling mapped
 * doorbells slows down the longer nothing happens.
 */
export class Scheduler {
  readonly #init: SchedulerInit;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastActivityMs = 0;
  #command: Command | undefined;
  #first = 0;
  #bytesLeft = 0;
  #fetching = 0;
  /** See {@link Completer.beginTurn}. */
  #turnNumber = 0;
  /** Present while the client may ring without a message. */
  page: DoorbellPage | undefined;

  constructor(init: SchedulerInit) {
    this.#init = init;
  }

  /** A doorbell rang, a command completed, or an entry became free. */
  kick(): void {
    if (this.#immediate !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#immediate = setImmediate(this.#turn);
  }

  stop(): void {
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
    this.#immediate = undefined;
    this.#timer = undefined;
  }

  readonly #turn = (): void => {
    this.#immediate = undefined;
    this.#timer = undefined;
    const { completer, queues, onFatal } = this.#init;
    let wasActive = false;
    try {
      this.#turnNumber = completer.beginTurn();
      wasActive = this.#work();
      completer.flushInterrupts();
    } catch (error) {
      onFatal('the controller failed', error);
    } finally {
      completer.endTurn();
    }
    if (this.#hasWork()) this.kick();
    else if (this.page !== undefined && queues.submission.length > 0) this.#poll(wasActive);
  };

  /** Look again, sooner or later. */
  #poll(wasActive: boolean): void {
    const now = performance.now();
    if (wasActive) this.#lastActivityMs = now;
    const idleMs = now - this.#lastActivityMs;
    if (idleMs < HOT_MS) this.kick();
    else if (this.#immediate === undefined && this.#timer === undefined) {
      const pause = idleMs < WARM_MS ? SHORT_PAUSE_MS : LONG_PAUSE_MS;
      // Polling alone does not keep the process alive.
      this.#timer = setTimeout(this.#turn, pause).unref();
    }
  }

  #work(): boolean {
    const { completer, events, queues } = this.#init;
    let commandsLeft = TURN_COMMANDS;
    let spins = this.page === undefined ? 0 : SPINS;
    let wasActive = false;
    this.#bytesLeft = TURN_BYTES;
    while (commandsLeft > 0 && this.#bytesLeft > 0) {
      const rang = this.page?.poll() ?? false;
      const adminQueue = queues.submissionQueue(0);
      if (adminQueue === undefined) break;
      events.deliver(adminQueue);
      const count = this.#round(commandsLeft);
      commandsLeft -= count;
      if (count > 0 || rang) wasActive = true;
      if (count > 0) continue;
      // Whoever was told may have rung again at once.
      if (completer.flushInterrupts() && this.#hasWork()) continue;
      // Within a turn only a doorbell brings more; those that ring without end do not hold it up.
      do spins--;
      while (spins > 0 && this.page?.poll() === false);
      if (spins <= 0) break;
      wasActive = true;
    }
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
      entries = queue.ring.view(this.#turnNumber);
    } catch (error) {
      this.#lost(queue, error);
      return 0;
    }
    if (entries === undefined) return this.#fetch(queue);
    const { completer } = this.#init;
    let taken = 0;
    while (taken < count && this.#bytesLeft > 0 && this.#ready(queue) > 0) {
      completer.beginBurst();
      const bytesAtEnd = this.#bytesLeft - BURST_BYTES;
      do {
        queue.completionQueue.reserved++;
        this.#take(queue, entries, queue.head * COMMAND_BYTES);
        taken++;
      } while (taken < count && this.#bytesLeft > bytesAtEnd && this.#ready(queue) > 0);
      completer.endBurst();
    }
    return taken;
  }

  #take(queue: SubmissionQueue, entries: DataView, offset: number): void {
    this.#command ??= new Command(queue);
    this.#command.load(queue, entries, offset);
    queue.fetched(1);
    this.#init.executor.execute(this.#command);
    this.#bytesLeft -= this.#command.dataLength;
  }

  /** Commands of a queue that could be started now. */
  #ready(queue: SubmissionQueue): number {
    if (queue.state !== 'running' || queue.isFetching) return 0;
    if (this.#init.executor.isFull(queue) || this.#fetching >= MAX_FETCHING) return 0;
    return Math.max(0, Math.min(queue.waiting, queue.completionQueue.free));
  }

  #hasWork(): boolean {
    return this.#init.queues.submission.some((queue) => this.#ready(queue) > 0);
  }

  /**
   * Read entries of a ring that is not at hand. Those that came along with the doorbell are taken at
   * once. @returns how many were.
   */
  #fetch(queue: SubmissionQueue): number {
    const toEnd = queue.ring.entryCount - queue.head;
    const count = Math.min(this.#ready(queue), toEnd, MAX_FETCH);
    const bytes = new Uint8Array(count * COMMAND_BYTES);
    const entries = new DataView(bytes.buffer);
    queue.completionQueue.reserved += count;
    let reading: Promise<void> | undefined;
    try {
      reading = queue.ring.range.read(bytes, queue.head * COMMAND_BYTES);
    } catch (error) {
      this.#lost(queue, error);
      return 0;
    }
    if (reading === undefined) {
      this.#takeAll(queue, entries, count);
      return count;
    }
    queue.isFetching = true;
    this.#fetching += count;
    reading.then(
      () => this.#takeFetched(queue, entries, count),
      (error) => {
        this.#fetching -= count;
        if (queue.state !== 'reset') this.#lost(queue, error);
      },
    );
    return 0;
  }

  #takeFetched(queue: SubmissionQueue, entries: DataView, count: number): void {
    this.#fetching -= count;
    if (queue.state === 'reset') return;
    queue.isFetching = false;
    if (queue.state === 'deleted') {
      queue.completionQueue.reserved -= count;
      return;
    }
    const { completer } = this.#init;
    this.#turnNumber = completer.beginTurn();
    this.#takeAll(queue, entries, count);
    completer.flushInterrupts();
    completer.endTurn();
    this.kick();
  }

  #takeAll(queue: SubmissionQueue, entries: DataView, count: number): void {
    for (let index = 0; index < count; index++) this.#take(queue, entries, index * COMMAND_BYTES);
  }

  #lost(queue: SubmissionQueue, error: unknown): void {
    this.#init.onFatal(`submission queue ${queue.id} is not in guest memory`, error);
  }
}
