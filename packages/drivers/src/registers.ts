import { type DeviceClient, Region } from '@vfio-user/core';

const WORD_BYTES = 4;

/** The 32-bit registers of BAR0 as a driver uses them. */
export class Registers {
  readonly #client: DeviceClient;
  readonly #word = new Uint8Array(WORD_BYTES);
  readonly #view = new DataView(this.#word.buffer);

  constructor(client: DeviceClient) {
    this.#client = client;
  }

  async read(offset: number): Promise<number> {
    const { buffer, byteOffset } = await this.#client.regionRead(Region.BAR0, offset, WORD_BYTES);
    return new DataView(buffer, byteOffset).getUint32(0, true);
  }

  async write(offset: number, value: number): Promise<void> {
    this.#view.setUint32(0, value, true);
    await this.#client.regionWrite(Region.BAR0, offset, this.#word);
  }

  /** Both halves, low one first. */
  async write64(offset: number, value: number): Promise<void> {
    await this.write(offset, value % 2 ** 32);
    await this.write(offset + WORD_BYTES, Math.floor(value / 2 ** 32));
  }

  /** Without waiting for an answer. `false`: await {@link drained} before more of them. */
  post(offset: number, value: number): boolean {
    this.#view.setUint32(0, value, true);
    return this.#client.regionWritePosted(Region.BAR0, offset, this.#word);
  }

  post64(offset: number, value: number): void {
    this.post(offset, value % 2 ** 32);
    this.post(offset + WORD_BYTES, Math.floor(value / 2 ** 32));
  }

  drained(): Promise<void> {
    return this.#client.drained();
  }
}
