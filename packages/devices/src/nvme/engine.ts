import type { DeviceHost } from '@vfio-user/core';
import type { AdminQueues } from './admin/admin-queues.js';
import { AsyncEvents } from './admin/async-events.js';
import { adminCommandSet } from './admin/command-set.js';
import { ErrorLog } from './admin/error-log.js';
import { Features } from './admin/features.js';
import { Statistics } from './admin/statistics.js';
import { Timestamp } from './admin/timestamp.js';
import { Completer } from './commands/completer.js';
import { Executor } from './commands/executor.js';
import { PostedWrites } from './commands/posted-writes.js';
import type { ControllerState } from './controller-state.js';
import { DataPointerResolver } from './data-pointer/resolver.js';
import type { ControllerIdentity } from './identity.js';
import { InterruptLines } from './interrupt-lines.js';
import { ioCommandSet } from './io/command-set.js';
import { CompletionQueue } from './queues/completion-queue.js';
import type { DoorbellPage } from './queues/doorbell-page.js';
import { Doorbells } from './queues/doorbells.js';
import { QueueSet } from './queues/queue-set.js';
import { Scheduler } from './queues/scheduler.js';
import { SubmissionQueue } from './queues/submission-queue.js';
import { type Configuration, decodeConfiguration, MIN_PAGE_BYTES } from './registers.js';
import type { Namespace } from './storage/namespace.js';

/** What an {@link Engine} works with. */
export interface EngineInit {
  readonly host: DeviceHost;
  readonly identity: ControllerIdentity;
  readonly namespace: Namespace;
  readonly ioQueues: number;
  /** Guest memory of a queue is gone: the controller stopped. */
  onFatal(reason: string, error: unknown): void;
}

/** The queues, the scheduler and the executor of an enabled controller: from doorbell to interrupt. */
export class Engine implements ControllerState {
  readonly host: DeviceHost;
  readonly identity: ControllerIdentity;
  readonly namespace: Namespace;
  readonly ioQueues: number;
  readonly queues: QueueSet;
  readonly features: Features;
  readonly timestamp = new Timestamp();
  readonly interrupts: InterruptLines;
  readonly errorLog = new ErrorLog();
  readonly events: AsyncEvents;
  readonly statistics = new Statistics();
  readonly scheduler: Scheduler;
  readonly doorbells: Doorbells;
  configuration: Configuration = decodeConfiguration(0);
  /** Present when the client may map the doorbells. */
  page: DoorbellPage | undefined;
  /** The client was offered the page. */
  offersPage = false;
  readonly #resolver: DataPointerResolver;
  readonly #completer: Completer;

  constructor(init: EngineInit) {
    const { host, ioQueues, namespace } = init;
    const onFatal = (reason: string, error: unknown): void => {
      this.stop();
      init.onFatal(reason, error);
    };
    const kick = (): void => this.scheduler.kick();

    this.host = host;
    this.identity = init.identity;
    this.namespace = namespace;
    this.ioQueues = ioQueues;
    this.queues = new QueueSet(ioQueues, host.pushes);
    this.features = new Features(ioQueues, namespace.storage.hasVolatileCache);
    this.interrupts = new InterruptLines(host.interrupts, this.queues);
    const posted = new PostedWrites(
      (error) => onFatal('a write to guest memory failed', error),
      kick,
    );
    host.dma.onFault((error) => onFatal('a posted write to guest memory failed', error));
    const completer = new Completer({
      interrupts: this.interrupts,
      errorLog: this.errorLog,
      posted,
      onFatal,
      onCompleted: kick,
    });
    this.#completer = completer;
    this.events = new AsyncEvents(completer);
    this.doorbells = new Doorbells(this);
    this.#resolver = new DataPointerResolver(host.dma);
    const executor = new Executor({
      dma: host.dma,
      logger: host.logger,
      admin: adminCommandSet(this),
      io: ioCommandSet(this),
      resolver: this.#resolver,
      completer,
      posted,
    });
    this.scheduler = new Scheduler({
      queues: this.queues,
      features: this.features,
      events: this.events,
      completer,
      executor,
      onFatal,
    });
  }

  /** @throws {DmaFaultError} when the admin queues are not in guest memory. */
  start(configuration: Configuration, { submission, completion }: AdminQueues): void {
    const { dma } = this.host;
    const completionQueue = new CompletionQueue(dma, {
      id: 0,
      ...completion,
      interruptVector: 0,
      interruptsEnabled: true,
    });
    const submissionQueue = new SubmissionQueue(dma, { id: 0, ...submission, completionQueue });
    this.configuration = configuration;
    this.#resolver.pageBytes = MIN_PAGE_BYTES << configuration.mps;
    this.queues.addCompletion(completionQueue);
    this.queues.addSubmission(submissionQueue);
    this.scheduler.page = this.offersPage ? this.page : undefined;
    this.scheduler.kick();
  }

  /** Commands in flight no longer complete. */
  stop(): void {
    this.scheduler.stop();
    this.queues.clear();
    this.host.dma.cancelWaiting();
    this.namespace.storage.abandon();
    this.#completer.reset();
    this.events.reset();
    this.features.reset();
    this.timestamp.reset();
    this.interrupts.reset();
    this.page?.reset();
  }

  resetDoorbell(queueId: number, kind: 'tail' | 'head'): void {
    this.page?.store(queueId * 2 + Number(kind === 'head'), 0);
  }
}
