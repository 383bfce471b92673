import { setImmediate } from 'node:timers/promises';
import {
  InterruptWait,
  type NvmeCommand,
  nvmeNumbers as nvme,
  Registers,
} from '@vfio-user/devices/drivers';
import { type Guest, plugIn } from '../driver/guest.js';
import { type Doorbells, mappedDoorbells, postedDoorbells } from './doorbells.js';
import { QUEUE_ENTRIES, QueuePair } from './queue-pair.js';

/** Pages of guest memory: two pairs of rings, then a buffer of some pages for each command. */
const ADMIN_PAGE = 0;
const IO_PAGE = 2;
const FIRST_BUFFER_PAGE = 4;
/** Pages of the buffer of one command. */
const BUFFER_PAGES = 2;
const GUEST_BYTES = (FIRST_BUFFER_PAGE + QUEUE_ENTRIES * BUFFER_PAGES) * nvme.PAGE_BYTES;

/** Interrupt vectors: the admin queue's and the I/O queue's. */
const VECTORS = 2;

const NO_FIELDS = { namespaceId: 0, prp1: 0, prp2: 0, dword10: 0, dword11: 0, dword12: 0 } as const;

/** The least of an NVMe driver: one I/O queue pair with a buffer for each of its commands. */
export class NvmeDriver {
  readonly io: QueuePair;
  readonly #guest: Guest;
  readonly #interrupts: InterruptWait | undefined;
  readonly #admin: QueuePair;
  readonly #doorbells: Doorbells;

  private constructor(guest: Guest, doorbells: Doorbells, interrupts: InterruptWait | undefined) {
    this.#guest = guest;
    this.#interrupts = interrupts;
    this.#doorbells = doorbells;
    this.#admin = new QueuePair(guest, 0, ADMIN_PAGE, doorbells);
    this.io = new QueuePair(guest, 1, IO_PAGE, doorbells);
  }

  /**
   * Connect, enable the controller and create the I/O queues. With `mapped` doorbells everything is
   * polled; with `posted` ones interrupts tell of completions: see {@link wait}.
   */
  static async open(uri: string, kind: 'mapped' | 'posted'): Promise<NvmeDriver> {
    const guest = await plugIn(uri, GUEST_BYTES);
    const registers = new Registers(guest.client);
    const doorbells =
      kind === 'mapped' ? await mappedDoorbells(guest.client) : postedDoorbells(registers);
    const interrupts =
      kind === 'mapped' ? undefined : await InterruptWait.enable(guest.client, VECTORS);
    const driver = new NvmeDriver(guest, doorbells, interrupts);
    await driver.#enable(registers);
    await driver.#createQueues();
    return driver;
  }

  /** Guest address of the buffer of command `id`: 4 KiB are in one page. */
  bufferAddress(id: number): number {
    const { submissionAddress } = this.#admin;
    return submissionAddress + (FIRST_BUFFER_PAGE + id * BUFFER_PAGES) * nvme.PAGE_BYTES;
  }

  /** Until completions may be there, unless they are polled for: then look again at once. */
  get wait(): (() => Promise<void>) | undefined {
    const interrupts = this.#interrupts;
    return interrupts && (() => interrupts.next());
  }

  async close(): Promise<void> {
    this.#doorbells.close();
    await this.#guest.close();
  }

  async #enable(registers: Registers): Promise<void> {
    const { submissionAddress, completionAddress } = this.#admin;
    await registers.write(nvme.REGISTER.AQA, (QUEUE_ENTRIES - 1) | ((QUEUE_ENTRIES - 1) << 16));
    await registers.write64(nvme.REGISTER.ASQ, submissionAddress);
    await registers.write64(nvme.REGISTER.ACQ, completionAddress);
    await registers.write(nvme.REGISTER.CC, nvme.CC_ENABLE);
    if (((await registers.read(nvme.REGISTER.CSTS)) & nvme.CSTS_READY) === 0) {
      throw new Error('the NVMe controller is not ready');
    }
  }

  async #createQueues(): Promise<void> {
    const { id, submissionAddress, completionAddress } = this.io;
    const size = id | ((QUEUE_ENTRIES - 1) << 16);
    const contiguous = nvme.CONTIGUOUS;
    const interrupting = contiguous | nvme.INTERRUPTS_ENABLED | (id << 16);
    await this.#execute({
      ...NO_FIELDS,
      opcode: nvme.CREATE_COMPLETION_QUEUE,
      id: 0,
      prp1: completionAddress,
      dword10: size,
      dword11: this.#interrupts === undefined ? contiguous : interrupting,
    });
    await this.#execute({
      ...NO_FIELDS,
      opcode: nvme.CREATE_SUBMISSION_QUEUE,
      id: 1,
      prp1: submissionAddress,
      dword10: size,
      dword11: contiguous | (id << 16),
    });
  }

  async #execute(command: NvmeCommand): Promise<void> {
    this.#admin.place(command);
    this.#admin.ring();
    while (this.#admin.take() < 0) await setImmediate();
    this.#admin.acknowledge();
  }
}
