import { VfioUserError } from '@vfio-user/core';
import { nvmeRegisters } from '@vfio-user/devices';
import { CompletionRing, type NvmeCompletion } from './completion-ring.js';
import type { Doorbells } from './doorbells.js';
import { type NvmeCommand, type Ring, SubmissionRing } from './submission-ring.js';

const { DOORBELL_BYTES } = nvmeRegisters;
/** Identifiers that {@link QueuePair.submit} gives, so many in turn. */
const OWN_IDS = 0x1000;

/** A command whose identifier may be left to the queue. */
export type NvmeRequest = Omit<NvmeCommand, 'id'> & { readonly id?: number };

/**
 * A submission queue and its completion queue. Two ways to use it: `place`, `ring`, `take` and
 * `acknowledge` for loops that must not allocate, `submit` and `reap` for everything else.
 */
export class QueuePair {
  readonly id: number;
  readonly submissionAddress: number;
  readonly completionAddress: number;
  readonly #submission: SubmissionRing;
  readonly #completion: CompletionRing;
  readonly #doorbells: Doorbells;
  readonly #waiting = new Map<number, (completion: NvmeCompletion) => void>();
  #nextId = 0;

  constructor(id: number, submission: Ring, completion: Ring, doorbells: Doorbells) {
    this.id = id;
    this.submissionAddress = submission.address;
    this.completionAddress = completion.address;
    this.#submission = new SubmissionRing(submission);
    this.#completion = new CompletionRing(completion);
    this.#doorbells = doorbells;
  }

  /** The value for the tail doorbell. */
  get tail(): number {
    return this.#submission.tail;
  }

  /** Write an entry; submitted by {@link ring}. Fewer commands than ring entries may be in flight. */
  place(command: NvmeCommand): void {
    this.#submission.place(command);
  }

  /** Write the tail doorbell for the commands placed. */
  ring(): void {
    this.#doorbells.store(this.id * 2 * DOORBELL_BYTES, this.#submission.tail);
  }

  /**
   * The identifier of a command that ended, -1 if none has.
   * @throws {VfioUserError} `VFU_SYSTEM_ERROR` when it failed.
   */
  take(): number {
    const id = this.#completion.take();
    if (id >= 0 && this.#completion.status !== 0) {
      const text = `an NVMe command failed: status ${this.#completion.status}`;
      throw new VfioUserError('VFU_SYSTEM_ERROR', text);
    }
    return id;
  }

  /** Write the head doorbell: the entries taken are free. */
  acknowledge(): void {
    this.#doorbells.store((this.id * 2 + 1) * DOORBELL_BYTES, this.#completion.head);
  }

  /** An identifier for a command of {@link place}. */
  nextId(): number {
    return this.#nextId++ % OWN_IDS;
  }

  /** Resolves when {@link reap} finds that the command has ended, however it did. */
  ended(id: number): Promise<NvmeCompletion> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** Place one command, and tell the controller. */
  submit(request: NvmeRequest): Promise<NvmeCompletion> {
    const id = request.id ?? this.nextId();
    this.place({ ...request, id });
    const ended = this.ended(id);
    this.ring();
    return ended;
  }

  /** Whether a completion is awaited. */
  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  /** Take out all completions. Does nothing unless one is awaited. */
  reap(): void {
    if (!this.isAwaited) return;
    const completion = this.#completion;
    const before = completion.head;
    for (let id = completion.take(); id >= 0; id = completion.take()) {
      this.#waiting.get(id)?.(completion.completion);
      this.#waiting.delete(id);
    }
    if (completion.head !== before) this.acknowledge();
  }
}
