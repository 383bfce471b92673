import type {
  DeviceHost,
  DeviceMemory,
  PciDevice,
  PciDeviceDefinition,
  ResetKind,
} from '../device/device.js';
import type { Attachment } from '../diagnostics/channels.js';
import { VfioUserError } from '../errors.js';
import { InterruptController } from '../interrupts/interrupt-controller.js';
import type { Logger } from '../logger.js';
import { DmaSpace } from '../memory/dma-space.js';
import { PushRuleTable } from '../memory/push-rule-table.js';
import { MigrationController } from '../migration/migration-controller.js';
import { PciFunction } from '../pci/function.js';
import { SMALLEST_PAGE_BYTES } from '../pci/mappable-areas.js';
import { MAX_SERIAL_CHARACTERS } from '../protocol/portable/device-info-codec.js';
import { runAll } from '../run-all.js';
import { closeAll, type SharedMemory } from '../transport/resources.js';
import type { Transport } from '../transport/transport.js';
import { SharedDeviceMemory } from './device-memory.js';

/**
 * A device with its configuration space, interrupts and guest memory. Lives as long as the server,
 * over any number of clients.
 */
export class DeviceInstance {
  readonly pci: PciFunction;
  readonly interrupts: InterruptController;
  readonly dma: DmaSpace;
  readonly migration: MigrationController;
  readonly pushRules: PushRuleTable;
  /** Page size of this host, bytes. */
  readonly pageBytes: number;
  /** Called during the register write by which a driver resets the function; see {@link reset}. */
  onResetRequest: ((kind: ResetKind) => void) | undefined;
  readonly #device: PciDevice;
  readonly #logger: Logger;
  readonly #memories: readonly SharedDeviceMemory[];

  private constructor(
    device: PciDevice,
    interrupts: InterruptController,
    dma: DmaSpace,
    pushes: PushRuleTable,
    memories: readonly SharedDeviceMemory[],
    logger: Logger,
    pageBytes: number,
  ) {
    this.pageBytes = pageBytes;
    this.#device = device;
    this.#logger = logger;
    this.pci = new PciFunction(device, interrupts, (kind) => this.onResetRequest?.(kind));
    this.interrupts = interrupts;
    this.dma = dma;
    this.pushRules = pushes;
    this.#memories = memories;
    this.migration = new MigrationController(device.migration, () => this.quiesce());
  }

  static async create<Options>(
    definition: PciDeviceDefinition<Options>,
    options: Options,
    logger: Logger,
    transport: Pick<Transport, 'createMemory' | 'pageBytes'>,
  ): Promise<DeviceInstance> {
    const createMemory = transport.createMemory?.bind(transport);
    const { pageBytes = SMALLEST_PAGE_BYTES } = transport;
    const attachment: Attachment = { device: definition.name, peer: undefined };
    const dma = new DmaSpace(attachment, logger);
    const interrupts = new InterruptController(dma.fence, attachment);
    const memories: SharedDeviceMemory[] = [];
    const pushes = new PushRuleTable(dma.pushed);
    let instance: DeviceInstance | undefined;
    const host: DeviceHost = {
      dma,
      interrupts,
      pushes,
      logger,
      pageBytes,
      allocateDeviceMemory(name, length) {
        const memory = new SharedDeviceMemory(name, length, createMemory);
        memories.push(memory);
        return memory;
      },
      fail(error) {
        if (instance === undefined) throw error;
        instance.fail(error);
      },
    };
    let device: PciDevice | undefined;
    try {
      device = await definition.create(host, options);
      if (typeof device?.identity !== 'object' || typeof device.reset !== 'function') {
        const text = `create() of ${definition.name} must return a device: it lacks identity or reset()`;
        throw new VfioUserError('VFU_CONFIG_INVALID', text);
      }
      if (device.serial !== undefined && device.serial.length > MAX_SERIAL_CHARACTERS) {
        const text = `serial of ${definition.name} has ${device.serial.length} characters, at most ${MAX_SERIAL_CHARACTERS} fit`;
        throw new VfioUserError('VFU_CONFIG_INVALID', text);
      }
      instance = new DeviceInstance(device, interrupts, dma, pushes, memories, logger, pageBytes);
      return instance;
    } catch (error) {
      await closeDevice(device, memories).catch((err) => {
        logger.error({ err }, 'a device that could not be created could not be closed either');
      });
      throw error;
    }
  }

  /** See {@link PciDevice.serial}. */
  get serial(): string | undefined {
    return this.#device.serial;
  }

  /** The shareable memory behind `memory`, if the transport can share memory. */
  sharedMemoryOf(memory: DeviceMemory): SharedMemory | undefined {
    return this.#memories.find((candidate) => candidate === memory)?.shared;
  }

  quiesce(): Promise<void> | undefined {
    return this.#device.quiesce?.() ?? undefined;
  }

  /** See {@link DeviceHost.fail}. */
  fail(error: unknown): void {
    this.#logger.error(
      { err: error },
      'the device failed: until it is reset, its BARs read as all ones',
    );
    this.pci.fail();
  }

  /** Quiesce, then reset the device, its configuration space and interrupts. */
  reset(kind: ResetKind): void | Promise<void> {
    const pending = this.quiesce();
    return pending === undefined ? this.#reset(kind) : pending.then(() => this.#reset(kind));
  }

  /**
   * A client was admitted.
   * @param returned whether it reconnects after a lost session.
   */
  clientCame(peer: string, returned: boolean): void {
    this.dma.attachment.peer = peer;
    if (returned) this.#device.clientReturned?.();
  }

  /**
   * The client has left: release its memory and interrupts, and reset the device. Errors of
   * quiescing and resetting are only logged.
   */
  async clientGone(): Promise<void> {
    try {
      await this.quiesce();
    } finally {
      try {
        await this.#reset('connection-lost');
      } finally {
        this.#release();
      }
    }
  }

  close(): Promise<void> {
    return closeDevice(this.#device, this.#memories);
  }

  #release(): void {
    const steps = [
      () => this.dma.connect(undefined),
      () => this.dma.stopDirtyLog(),
      () => this.dma.removeAll(),
      () => this.interrupts.releaseAll(),
      () => this.pci.resetState(),
      () => this.migration.reset(),
    ];
    this.dma.attachment.peer = undefined;
    runAll(steps, (err) => this.#logger.error({ err }, 'a client is gone, but not all it left'));
  }

  #reset(kind: ResetKind): void | Promise<void> {
    const pending = this.#device.reset(kind);
    const finish = (): void => {
      this.pci.resetState();
      this.migration.reset();
    };
    if (pending === undefined) finish();
    else return pending.then(finish);
  }
}

/** The memory is released also if the device cannot be closed. */
async function closeDevice(
  device: PciDevice | undefined,
  memories: readonly SharedDeviceMemory[],
): Promise<void> {
  try {
    await device?.close?.();
  } finally {
    closeAll(memories);
  }
}
