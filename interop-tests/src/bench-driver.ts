// The bench device as a program of this host uses it: registers, DMA operations that end with an interrupt.

import { type DeviceClient, type Iova, Irq, Region } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';

const VECTORS = 2;
const DMA_VECTOR = 1;
const WORD_BYTES = 4;

export class BenchDriver {
  readonly client: DeviceClient;
  #onDmaEnd: () => void = () => {};

  private constructor(client: DeviceClient) {
    this.client = client;
  }

  /** Enables the interrupts it needs. */
  static async start(client: DeviceClient): Promise<BenchDriver> {
    const driver = new BenchDriver(client);
    await client.enableInterrupts(Irq.MSIX, VECTORS, (vector) => {
      if (vector === DMA_VECTOR) driver.#onDmaEnd();
    });
    await driver.write(register.DMA_VECTOR, DMA_VECTOR);
    return driver;
  }

  async read(offset: number): Promise<number> {
    const { buffer, byteOffset } = await this.client.regionRead(Region.BAR0, offset, WORD_BYTES);
    return new DataView(buffer, byteOffset).getUint32(0, true);
  }

  async write(offset: number, value: number): Promise<void> {
    const word = new Uint8Array(WORD_BYTES);
    new DataView(word.buffer).setUint32(0, value, true);
    await this.client.regionWrite(Region.BAR0, offset, word);
  }

  /** Runs an operation until its interrupt. @returns the errno it ended with, 0 if it went well. */
  async dma(command: number, source: Iova, destination: Iova, length: number): Promise<number> {
    await this.#write64(register.DMA_SOURCE, source);
    await this.#write64(register.DMA_DESTINATION, destination);
    await this.#write64(register.DMA_LENGTH, length);
    const ended = new Promise<void>((resolve) => {
      this.#onDmaEnd = resolve;
    });
    await this.write(register.DMA_COMMAND, command);
    await ended;
    return this.read(register.DMA_ERROR);
  }

  async #write64(offset: number, value: Iova): Promise<void> {
    const halves = BigInt(value);
    await this.write(offset, Number(BigInt.asUintN(32, halves)));
    await this.write(offset + WORD_BYTES, Number(halves >> 32n));
  }
}
