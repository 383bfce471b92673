import { setImmediate } from 'node:timers/promises';
import { type DeviceClient, type Iova, Region } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';

/** What a DMA operation of the bench device is told. */
export interface DmaOperation {
  readonly command: number;
  readonly source?: Iova;
  readonly destination?: Iova;
  readonly length: number;
  readonly chunk?: number;
  readonly depth?: number;
  readonly repeat?: number;
  readonly pattern?: number;
  readonly vector?: number;
}

export interface BurstOperation {
  readonly address: Iova;
  readonly count: number;
  readonly vector: number;
}

/** A driver for the bench device, through register accesses alone. */
export class BenchDriver {
  readonly client: DeviceClient;

  constructor(client: DeviceClient) {
    this.client = client;
  }

  async read32(offset: number): Promise<number> {
    const bytes = await this.client.regionRead(Region.BAR0, offset, 4);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  }

  write32(offset: number, value: number): Promise<void> {
    return this.client.regionWrite(Region.BAR0, offset, le32(value));
  }

  /** Not answered. `false`: wait until the client has drained. */
  post32(offset: number, value: number): boolean {
    return this.client.regionWritePosted(Region.BAR0, offset, le32(value));
  }

  async write64(offset: number, value: Iova): Promise<void> {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
    await this.client.regionWrite(Region.BAR0, offset, bytes);
  }

  async startDma(operation: DmaOperation): Promise<void> {
    await this.write64(register.DMA_SOURCE, operation.source ?? 0);
    await this.write64(register.DMA_DESTINATION, operation.destination ?? 0);
    await this.write64(register.DMA_LENGTH, operation.length);
    await this.write32(register.DMA_CHUNK, operation.chunk ?? 65_536);
    await this.write32(register.DMA_DEPTH, operation.depth ?? 4);
    await this.write32(register.DMA_REPEAT, operation.repeat ?? 1);
    await this.write32(register.DMA_PATTERN, operation.pattern ?? 0);
    await this.write32(register.DMA_VECTOR, operation.vector ?? register.NO_VECTOR);
    await this.write32(register.DMA_COMMAND, operation.command);
  }

  /** @returns the errno the operation under way ended with, 0 if it went well. */
  async dmaEnded(): Promise<number> {
    await this.#ended(register.DMA_STATUS);
    return this.read32(register.DMA_ERROR);
  }

  async dma(operation: DmaOperation): Promise<number> {
    await this.startDma(operation);
    return this.dmaEnded();
  }

  async startBurst({ address, count, vector }: BurstOperation): Promise<void> {
    await this.write64(register.BURST_ADDRESS, address);
    await this.write32(register.BURST_COUNT, count);
    await this.write32(register.BURST_VECTOR, vector);
    await this.write32(register.BURST_COMMAND, register.BURST_SEQUENCE);
  }

  /** @returns the errno the burst ended with. */
  async burstEnded(): Promise<number> {
    await this.#ended(register.BURST_STATUS);
    return this.read32(register.BURST_ERROR);
  }

  /** Make the device signal `vector` now. */
  async ring(vector: number): Promise<void> {
    await this.write32(register.DOORBELL_VECTOR, vector);
    await this.write32(register.DOORBELL, 1);
  }

  async #ended(status: number): Promise<void> {
    while (((await this.read32(status)) & register.STATUS_DONE) === 0) await setImmediate();
  }
}

function le32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
