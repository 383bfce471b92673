import { type DeviceClient, type Iova, Region } from '@vfio-user/core';

/**
 * What registers are reached through. A client of core is one; a test that holds a device in its own
 * process can be another.
 */
export type RegisterPort = Pick<
  DeviceClient,
  'regionRead' | 'regionWrite' | 'regionWritePosted' | 'drained'
>;

const WORD_BYTES = 4;

/** The registers of BAR0 as a driver uses them: 32 bits each, or 64. */
export class Registers {
  readonly #port: RegisterPort;
  readonly #pair = new Uint8Array(2 * WORD_BYTES);
  readonly #word = this.#pair.subarray(0, WORD_BYTES);
  readonly #view = new DataView(this.#pair.buffer);

  constructor(port: RegisterPort) {
    this.#port = port;
  }

  async read32(offset: number): Promise<number> {
    const { buffer, byteOffset } = await this.#port.regionRead(Region.BAR0, offset, WORD_BYTES);
    return new DataView(buffer, byteOffset).getUint32(0, true);
  }

  async write32(offset: number, value: number): Promise<void> {
    this.#view.setUint32(0, value, true);
    await this.#port.regionWrite(Region.BAR0, offset, this.#word);
  }

  /** Without waiting for an answer. `false`: await {@link drained} before more of them. */
  post32(offset: number, value: number): boolean {
    this.#view.setUint32(0, value, true);
    return this.#port.regionWritePosted(Region.BAR0, offset, this.#word);
  }

  async write64(offset: number, value: Iova): Promise<void> {
    this.#view.setBigUint64(0, BigInt(value), true);
    await this.#port.regionWrite(Region.BAR0, offset, this.#pair);
  }

  /** As {@link post32}. */
  post64(offset: number, value: Iova): boolean {
    this.#view.setBigUint64(0, BigInt(value), true);
    return this.#port.regionWritePosted(Region.BAR0, offset, this.#pair);
  }

  drained(): Promise<void> {
    return this.#port.drained();
  }
}
