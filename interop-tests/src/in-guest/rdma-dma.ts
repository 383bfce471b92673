// DMA by RDMA of a bench device that is in another process or on another machine.

import { crc32 } from 'node:zlib';
import { connectDevice, type GuestMemory, Irq, type TransportRegistry } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import type { Test } from 'tap';
import type { CountedRdma } from './counted-rdma.js';

const MIB = 2 ** 20;
const BASE = 0x1_0000_0000;
/** Under emulation, beside other work, a turn may take long. */
export const PATIENT = { timeoutMs: 60_000 };
const SIZES = [4096, 65_536, MIB, 16 * MIB];
const LARGEST = 16 * MIB;
/** Registers and interrupts. The DMA alone is a thousand times as much. */
const MOST_FRAME_BYTES = 65_536;
const ROUNDS = Number(process.env.ROUNDS ?? 10_000);

/** Connects to a device until the test is over. */
export async function openDevice(
  t: Test,
  uri: string,
  registry: TransportRegistry,
): Promise<TestDeviceDriver> {
  const client = await connectDevice(uri, { registry, ...PATIENT });
  t.teardown(() => client.close());
  return new TestDeviceDriver(client);
}

/** Guest memory goes to the device and comes back, and messages carry none of it. */
export async function movesMemory(
  t: Test,
  driver: TestDeviceDriver,
  rdma: CountedRdma,
): Promise<void> {
  const { client } = driver;
  const memory = client.allocateMemory(2 * LARGEST);
  const whole = memory.view(0, memory.length) as Uint8Array;
  for (let i = 0; i < LARGEST; i += 1021) whole[i] = i % 251;
  await client.dmaMap({ address: BASE, memory });
  const before = rdma.frameBytes;
  const destination = BASE + LARGEST;
  for (const length of SIZES) {
    const source = BASE + LARGEST - length;
    const chunk = Math.min(length, MIB);
    const load = { command: register.DMA_LOAD, source, destination: 0, length, chunk };
    t.equal(await driver.dma(load), 0, `${length} bytes are read`);
    const store = { command: register.DMA_STORE, source: 0, destination, length, chunk };
    t.equal(await driver.dma(store), 0, `${length} bytes are written`);
    const sum = crc32(whole.subarray(LARGEST - length, LARGEST));
    t.equal(crc32(whole.subarray(LARGEST, LARGEST + length)), sum, `${length} bytes are right`);
  }
  const told = rdma.frameBytes - before;
  t.ok(told > 0 && told < MOST_FRAME_BYTES, `${told} bytes in messages`);
  await client.dmaUnmap(BASE, memory.length);
}

/** The device writes a number and interrupts, and so on: no interrupt comes before its number. */
export async function keepsOrder(t: Test, driver: TestDeviceDriver): Promise<void> {
  const { client } = driver;
  const memory = client.allocateMemory(4096);
  const bytes = memory.view(0, 4) as Uint8Array;
  const number = new DataView(bytes.buffer, bytes.byteOffset);
  await client.dmaMap({ address: BASE, memory });
  let interrupts = 0;
  let early = 0;
  const ended = new Promise<void>((resolve) => {
    void client.enableInterrupts(Irq.MSIX, 2, (_vector, count) => {
      interrupts += count;
      if (number.getUint32(0, true) < interrupts) early++;
      if (interrupts >= ROUNDS) resolve();
    });
  });
  await driver.startBurst({ address: BASE, count: ROUNDS, vector: 1 });
  await ended;
  // Behind all interrupts.
  await driver.read32(register.ID);
  t.equal(interrupts, ROUNDS, 'each interrupt once');
  t.equal(early, 0, 'interrupts that came before their number');
  t.equal(number.getUint32(0, true), ROUNDS);
  await client.dmaUnmap(BASE, memory.length);
}

/** Starts DMA of 16 MiB that is repeated practically without end, and returns once it is under way. */
export async function keepBusy(driver: TestDeviceDriver): Promise<void> {
  const { client } = driver;
  const memory = client.allocateMemory(2 * LARGEST);
  await client.dmaMap({ address: BASE, memory });
  await driver.startDma({
    command: register.DMA_COPY_GUEST,
    source: BASE,
    destination: BASE + LARGEST,
    length: LARGEST,
    chunk: MIB,
    repeat: 2 ** 20,
  });
  while ((await driver.read32(register.DMA_BYTES)) === 0);
}

/** Memory that the device copies, with other content each time. */
export class CopiedContent {
  readonly #driver: TestDeviceDriver;
  readonly #whole: Uint8Array;
  readonly #memory: GuestMemory;
  #turn = 0;

  constructor(driver: TestDeviceDriver) {
    this.#driver = driver;
    this.#memory = driver.client.allocateMemory(2 * LARGEST);
    this.#whole = this.#memory.view(0, 2 * LARGEST) as Uint8Array;
  }

  async map(): Promise<void> {
    await this.#driver.client.dmaMap({ address: BASE, memory: this.#memory });
  }

  async unmap(): Promise<void> {
    await this.#driver.client.dmaUnmap(BASE, 2 * LARGEST);
  }

  /** @returns whether the copy is like what was copied. */
  async copy(): Promise<boolean> {
    const seed = ++this.#turn;
    for (let i = 0; i < LARGEST; i += 509) this.#whole[i] = (i + seed * 37) % 251;
    const command = register.DMA_COPY_GUEST;
    const way = { source: BASE, destination: BASE + LARGEST, length: LARGEST, chunk: 65_536 };
    const errno = await this.#driver.dma({ command, ...way });
    const [source, copy] = [this.#whole.subarray(0, LARGEST), this.#whole.subarray(LARGEST)];
    return errno === 0 && crc32(source) === crc32(copy);
  }

  /** Until the device has begun. */
  async underWay(): Promise<void> {
    while ((await this.#driver.read32(register.DMA_BYTES)) === 0);
  }
}
