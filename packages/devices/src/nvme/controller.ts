import type { DeviceHost, DeviceMemory, RegisterFile, ResetKind } from '@vfio-user/core';
import { type AdminQueues, refusalToEnable } from './admin/admin-queues.js';
import { Engine } from './engine.js';
import type { ControllerIdentity } from './identity.js';
import { DoorbellPage } from './queues/doorbell-page.js';
import {
  CSTS_CFS,
  CSTS_RDY,
  CSTS_SHST_COMPLETE,
  CSTS_SHST_OCCURRING,
  controllerRegisters,
  decodeAdminQueueSizes,
  decodeConfiguration,
} from './registers.js';
import type { Namespace } from './storage/namespace.js';

/** Parameters of an {@link NvmeController}. */
export interface NvmeControllerInit {
  readonly host: DeviceHost;
  readonly identity: ControllerIdentity;
  readonly namespace: Namespace;
  readonly ioQueues: number;
  readonly doorbells: 'trapped' | 'mapped' | 'auto';
  /** Present unless doorbells are trapped. What is not offered to the client is not polled. */
  readonly doorbellMemory?: DeviceMemory | undefined;
}

/** The registers and what they start and stop: enabling, reset and shutdown of the controller. */
export class NvmeController {
  readonly #host: DeviceHost;
  readonly #namespace: Namespace;
  readonly #isAuto: boolean;
  readonly #engine: Engine;
  /** BAR0. */
  readonly registers: RegisterFile<keyof typeof controllerRegisters.offsets>;
  /** CC before it was written. */
  #cc = 0;
  #csts = 0;
  /** Incremented at each stop, so that a late end of a shutdown is ignored. */
  #life = 0;

  constructor(init: NvmeControllerInit) {
    const { host, doorbellMemory } = init;
    this.#host = host;
    this.#namespace = init.namespace;
    this.#isAuto = init.doorbells === 'auto';
    this.#engine = new Engine({
      ...init,
      onFatal: (reason, error) => {
        this.#csts |= CSTS_CFS;
        host.logger.warn(
          { reason, err: error },
          'nvme: the controller has stopped; the driver must reset it',
        );
      },
    });
    this.registers = this.#createRegisters();
    this.#engine.offersPage = !this.#isAuto;
    if (doorbellMemory !== undefined) {
      const { queues, doorbells } = this.#engine;
      this.#engine.page = new DoorbellPage(doorbellMemory, queues, doorbells);
    }
  }

  #createRegisters(): NvmeController['registers'] {
    const mask = (): number => this.#engine.interrupts.mask;
    return controllerRegisters.create({
      INTMS: { read: mask, write: (bits) => this.#engine.interrupts.setMask(bits) },
      INTMC: { read: mask, write: (bits) => this.#engine.interrupts.clearMask(bits) },
      CC: { write: (value) => this.#configure(value) },
      CSTS: { read: () => this.#csts },
      'SQ{}TDBL': {
        read: (queue) => this.#readDoorbell(2 * queue),
        write: (value, queue) => this.#writeDoorbell(2 * queue, value),
      },
      'CQ{}HDBL': {
        read: (queue) => this.#readDoorbell(2 * queue + 1),
        write: (value, queue) => this.#writeDoorbell(2 * queue + 1, value),
      },
    });
  }

  #readDoorbell(index: number): number {
    return this.#engine.page?.read(index) ?? 0;
  }

  #writeDoorbell(index: number, value: number): void {
    if ((this.#csts & (CSTS_RDY | CSTS_CFS)) !== CSTS_RDY) return;
    const { page, scheduler, doorbells } = this.#engine;
    page?.store(index, value);
    // QEMU takes mappings away while INTx is pending: then a message does not mean there is none.
    if (this.#isAuto && this.#host.interrupts.mode !== 'intx') scheduler.page = undefined;
    doorbells.ring(index, value);
    scheduler.kick();
  }

  /** Whether the client may map the doorbells from now on. */
  set offersDoorbells(value: boolean) {
    this.#engine.offersPage = value;
  }

  /** Back to power-on. The namespace and its contents stay. */
  reset(kind: ResetKind): void {
    this.#disable();
    this.#cc = 0;
    this.registers.reset();
    if (kind === 'connection-lost') this.#engine.offersPage = !this.#isAuto;
    if (kind === 'power') this.#engine.statistics.powerCycles++;
  }

  /**
   * The driver believes that its queues are there. It finds out by CSTS.CFS, which Linux looks at
   * before anything else when a command takes too long, and resets the controller at once.
   */
  clientReturned(): void {
    this.#csts |= CSTS_CFS;
  }

  close(): void {
    this.#disable();
  }

  #configure(value: number): void {
    const before = decodeConfiguration(this.#cc);
    const after = decodeConfiguration(value);
    this.#cc = value;
    if (before.en && !after.en) this.#disable();
    else if (!before.en && after.en) this.#enable();
    if (before.shn === 0 && after.shn !== 0) this.#shutDown();
  }

  #enable(): void {
    const configuration = decodeConfiguration(this.#cc);
    const queues = this.#adminQueues();
    const refusal = refusalToEnable(configuration, queues);
    try {
      if (refusal !== undefined) throw new RangeError(refusal);
      this.#engine.start(configuration, queues);
      this.#csts = CSTS_RDY;
    } catch (error) {
      this.#csts = CSTS_CFS;
      this.#host.logger.warn(
        { err: error },
        'nvme: the driver enabled a controller that cannot work',
      );
    }
  }

  /** A controller reset, which keeps AQA, ASQ and ACQ. */
  #disable(): void {
    this.#life++;
    this.#csts = 0;
    this.#engine.stop();
  }

  #shutDown(): void {
    const life = this.#life;
    const complete = (): void => {
      if (life === this.#life) this.#csts = this.#withShutdownStatus(CSTS_SHST_COMPLETE);
    };
    this.#csts = this.#withShutdownStatus(CSTS_SHST_OCCURRING);
    Promise.resolve(this.#namespace.storage.flush())
      .catch((error) =>
        this.#host.logger.error({ err: error }, 'nvme: flush before shutdown failed'),
      )
      .finally(complete);
  }

  #withShutdownStatus(status: number): number {
    return (this.#csts & ~(CSTS_SHST_OCCURRING | CSTS_SHST_COMPLETE)) | status;
  }

  #adminQueues(): AdminQueues {
    const { registers } = this;
    const sizes = decodeAdminQueueSizes(registers.get('AQA'));
    return {
      submission: { base: registers.getIova('ASQ'), entryCount: sizes.submission },
      completion: { base: registers.getIova('ACQ'), entryCount: sizes.completion },
    };
  }
}
