import { VfioUserError } from '@vfio-user/core';
import { NVME_ADMIN_OPCODE, NVME_COMMAND_BYTES, nvmeRegisters } from '@vfio-user/devices';
import type { Registers } from '../registers.js';
import type { NvmeCompletion } from './completion-ring.js';
import type { Doorbells } from './doorbells.js';
import { type NvmeRequest, QueuePair } from './queue-pair.js';
import type { Ring } from './submission-ring.js';

const { REGISTER } = nvmeRegisters;
const COMPLETION_BYTES = 16;

/** CC: enabled, entries of 64 and 16 bytes, pages of 4 KiB. */
const ENABLE = 0x0046_0001;

/** Create I/O queue, dword 11: physically contiguous, interrupts enabled. */
const CONTIGUOUS = 1;
const INTERRUPTS_ENABLED = 2;

/** Addresses and sizes of a queue pair. */
export interface QueuePairOptions {
  /** Guest addresses. */
  readonly submission: number;
  readonly completion: number;
  /** Of both queues. */
  readonly entries: number;
  /** Of the completion queue, where that is shorter or longer. */
  readonly completionEntries?: number;
}

/** An I/O queue pair, and how its completions are signalled. */
export interface IoQueuePairOptions extends QueuePairOptions {
  /** The interrupt vector of its completions; none: whoever waits has to look. */
  readonly vector: number | undefined;
}

/** An NVMe controller as its driver sees it: the admin queue, and how I/O queues are made. */
export class NvmeController {
  readonly registers: Registers;
  /** The queues that {@link reap} polls. */
  readonly queues: QueuePair[] = [];
  readonly #doorbells: Doorbells;
  readonly #bytesAt: (address: number, length: number) => Uint8Array;
  #admin: QueuePair | undefined;

  /** `bytesAt`: guest memory at an address. */
  constructor(
    registers: Registers,
    doorbells: Doorbells,
    bytesAt: (address: number, length: number) => Uint8Array,
  ) {
    this.registers = registers;
    this.#doorbells = doorbells;
    this.#bytesAt = bytesAt;
  }

  /** @throws {VfioUserError} `VFU_UNSUPPORTED` before {@link enable}. */
  get admin(): QueuePair {
    if (this.#admin !== undefined) return this.#admin;
    throw new VfioUserError('VFU_UNSUPPORTED', 'the NVMe controller has not been enabled');
  }

  /** Set the admin queues and CC.EN; CSTS shows whether that succeeded. */
  enable(options: QueuePairOptions, configuration = ENABLE): void {
    const { submission, completion, entries } = options;
    this.#admin = this.pair(0, options);
    this.queues.splice(0, this.queues.length, this.#admin);
    this.registers.post32(REGISTER.AQA, (entries - 1) | ((entries - 1) << 16));
    this.registers.post64(REGISTER.ASQ, submission);
    this.registers.post64(REGISTER.ACQ, completion);
    this.registers.post32(REGISTER.CC, configuration);
  }

  disable(): void {
    this.registers.post32(REGISTER.CC, 0);
  }

  /** An admin command. */
  execute(request: NvmeRequest): Promise<NvmeCompletion> {
    return this.admin.submit(request);
  }

  /** As {@link execute}. @throws {VfioUserError} `VFU_SYSTEM_ERROR` when the command failed. */
  async mustExecute(request: NvmeRequest): Promise<NvmeCompletion> {
    const completion = await this.execute(request);
    if (completion.status === 0) return completion;
    const text = `NVMe admin command 0x${request.opcode.toString(16)} failed: status ${completion.status}`;
    throw new VfioUserError('VFU_SYSTEM_ERROR', text);
  }

  /** Create an I/O queue pair. Whoever wants it reaped adds it to {@link queues}. */
  async createPair(id: number, options: IoQueuePairOptions): Promise<QueuePair> {
    const { submission, completion, entries, completionEntries = entries, vector } = options;
    const told = vector === undefined ? 0 : INTERRUPTS_ENABLED | (vector << 16);
    await this.mustExecute({
      opcode: NVME_ADMIN_OPCODE.CREATE_COMPLETION_QUEUE,
      prp1: completion,
      dword10: id | ((completionEntries - 1) << 16),
      dword11: CONTIGUOUS | told,
    });
    await this.mustExecute({
      opcode: NVME_ADMIN_OPCODE.CREATE_SUBMISSION_QUEUE,
      prp1: submission,
      dword10: id | ((entries - 1) << 16),
      dword11: CONTIGUOUS | (id << 16),
    });
    return this.pair(id, options);
  }

  /** The driver's side of a queue pair, whose memory is what is there. */
  pair(id: number, options: QueuePairOptions): QueuePair {
    const { submission, completion, entries, completionEntries = entries } = options;
    return new QueuePair(
      id,
      this.#ring(submission, entries, NVME_COMMAND_BYTES),
      this.#ring(completion, completionEntries, COMPLETION_BYTES),
      this.#doorbells,
    );
  }

  /** Take completions out of all {@link queues}. */
  reap(): void {
    for (const queue of this.queues) queue.reap();
  }

  #ring(address: number, entries: number, entryBytes: number): Ring {
    const { buffer, byteOffset, byteLength } = this.#bytesAt(address, entries * entryBytes);
    return { address, entries, words: new Int32Array(buffer, byteOffset, byteLength / 4) };
  }
}
