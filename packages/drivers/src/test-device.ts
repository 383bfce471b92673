import { setImmediate } from 'node:timers/promises';
import { type DeviceClient, type Iova, VfioUserError } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import { InterruptWait } from './interrupt-wait.js';
import { type RegisterPort, Registers } from './registers.js';

/** Bytes of the largest transfer that the DMA engine makes: larger blocks take several. */
export const LARGEST_TRANSFER = 2 ** 20;

/** A DMA command. A field left out keeps the value of its register. */
export interface DmaOperation {
  /** One of the numbers for DMA_COMMAND. */
  readonly command: number;
  /** Guest address, or offset in device memory. */
  readonly source?: Iova;
  readonly destination?: Iova;
  /** Bytes, as often as `repeat` says. */
  readonly length: Iova;
  readonly repeat?: number;
  /** Bytes of one transfer. */
  readonly chunk?: number;
  /** Transfers in flight. */
  readonly depth?: number;
  /** What DMA_FILL_GUEST writes. */
  readonly pattern?: number;
  /** The interrupt vector signalled at the end. */
  readonly vector?: number;
}

/** A number written to memory and an interrupt, `count` times. */
export interface BurstOperation {
  readonly address: Iova;
  readonly count: number;
  readonly vector: number;
}

/** Vector of the end of DMA, where the driver waits for interrupts. */
const END_VECTOR = 0;

/** Driver of the test device (`serve bench`). */
export class TestDeviceDriver<P extends RegisterPort = DeviceClient> extends Registers {
  readonly client: P;
  readonly #end: InterruptWait | undefined;

  /** Without `end` the driver asks a status register again and again whether an operation has ended. */
  constructor(client: P, end?: InterruptWait) {
    super(client);
    this.client = client;
    this.#end = end;
  }

  /** A driver that waits for an interrupt at the end of DMA. It wires up `vectors` from 0 on. */
  static async withInterrupt(client: DeviceClient, vectors = 1): Promise<TestDeviceDriver> {
    const end = await InterruptWait.enable(client, vectors);
    const driver = new TestDeviceDriver(client, end);
    await driver.write32(register.DMA_VECTOR, END_VECTOR);
    return driver;
  }

  /** Resolves when the command has been answered, which is not when it has ended. */
  startDma(operation: DmaOperation): Promise<void> {
    const { source = 0, destination = 0, length } = operation;
    const post = (offset: number, value: number | undefined): void => {
      if (value !== undefined) this.post32(offset, value);
    };
    this.post64(register.DMA_SOURCE, source);
    this.post64(register.DMA_DESTINATION, destination);
    this.post64(register.DMA_LENGTH, length);
    post(register.DMA_CHUNK, operation.chunk);
    post(register.DMA_DEPTH, operation.depth);
    post(register.DMA_REPEAT, operation.repeat);
    post(register.DMA_PATTERN, operation.pattern);
    post(register.DMA_VECTOR, operation.vector);
    return this.write32(register.DMA_COMMAND, operation.command);
  }

  /** @returns the errno that the operation under way ended with, 0 if it went well. */
  async dmaEnded(): Promise<number> {
    if (this.#end === undefined) await this.#hasEnded(register.DMA_STATUS);
    else await this.#end.next();
    return this.read32(register.DMA_ERROR);
  }

  /** From start to end, as {@link dmaEnded}. */
  async dma(operation: DmaOperation): Promise<number> {
    await this.startDma(operation);
    return this.dmaEnded();
  }

  /**
   * @returns how many milliseconds it took, as the device counted them.
   * @throws {VfioUserError} `VFU_DMA_FAULT` when the operation failed.
   */
  async timedDma(operation: DmaOperation): Promise<number> {
    const error = await this.dma(operation);
    if (error !== 0) {
      throw new VfioUserError('VFU_DMA_FAULT', `the device's DMA failed: errno ${error}`);
    }
    const low = await this.read32(register.DMA_NANOSECONDS);
    const high = await this.read32(register.DMA_NANOSECONDS + 4);
    return (low + high * 2 ** 32) / 1e6;
  }

  startBurst({ address, count, vector }: BurstOperation): Promise<void> {
    this.post64(register.BURST_ADDRESS, address);
    this.post32(register.BURST_COUNT, count);
    this.post32(register.BURST_VECTOR, vector);
    return this.write32(register.BURST_COMMAND, register.BURST_SEQUENCE);
  }

  /** @returns the errno that the burst ended with. */
  async burstEnded(): Promise<number> {
    await this.#hasEnded(register.BURST_STATUS);
    return this.read32(register.BURST_ERROR);
  }

  /** Make the device signal `vector` now. */
  async ring(vector: number): Promise<void> {
    await this.write32(register.DOORBELL_VECTOR, vector);
    await this.write32(register.DOORBELL, 1);
  }

  async #hasEnded(status: number): Promise<void> {
    while (((await this.read32(status)) & register.STATUS_DONE) === 0) await setImmediate();
  }
}
