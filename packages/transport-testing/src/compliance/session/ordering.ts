import { setImmediate } from 'node:timers/promises';
import { type Connection, Irq } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { Suite } from '../suite.js';
import { Waiter } from '../waiter.js';
import {
  bytesIn,
  type DmaMode,
  dmaModes,
  mapGuest,
  openTestDevice,
  VECTORS,
} from './test-device-session.js';

const BASE = 0x8000_0000;
const PAGE = 4096;
const BURST = 2000;
const MOST_ROUNDS = 200;

/**
 * PCI's producer and consumer: DMA writes are visible in order, an interrupt only after every write
 * issued before it.
 */
export function orderingTests(suite: Suite): void {
  for (const mode of dmaModes) modeTests(suite, mode);
}

function modeTests(suite: Suite, { name, share, needs }: DmaMode): void {
  const interruptNeeds = [...needs, 'interrupts'] as const;

  suite.test(`an interrupt finds the DMA by ${name} before it done`, interruptNeeds, async (t) => {
    const driver = await openTestDevice(t, suite);
    const memory = await mapGuest(driver.client, { address: BASE, length: PAGE, share });
    const waiter = new Waiter();
    let interrupts = 0;
    let early = 0;
    await driver.client.enableInterrupts(Irq.MSIX, VECTORS, (_, count) => {
      interrupts += count;
      if (numberAt(bytesIn(memory, 64, 4)) < interrupts) early++;
      waiter.changed();
    });
    await driver.startBurst({ address: BASE + 64, count: BURST, vector: 1 });
    await readHaltingly(driver.client.connection, () => interrupts === BURST);
    await waiter.until(() => interrupts === BURST, `${BURST} interrupts`);
    t.equal(early, 0, 'interrupts that were ahead of their data');
    t.equal(await driver.burstEnded(), 0);
    t.equal(numberAt(bytesIn(memory, 64, 4)), BURST);
  });

  suite.test(
    `the interrupt that ends DMA by ${name} finds all of it`,
    interruptNeeds,
    async (t) => {
      const driver = await openTestDevice(t, suite);
      const length = 64 * PAGE;
      const memory = await mapGuest(driver.client, { address: BASE, length, share });
      const waiter = new Waiter();
      let seen: Uint8Array = new Uint8Array(0);
      await driver.client.enableInterrupts(Irq.MSIX, VECTORS, () => {
        seen = bytesIn(memory, 0, length);
        waiter.changed();
      });
      for (const byte of [1, 2, 3, 4, 5]) {
        seen = new Uint8Array(0);
        const fill = { command: register.DMA_FILL_GUEST, pattern: byte * 0x0101_0101 };
        await driver.startDma({ ...fill, destination: BASE, length, depth: 16, vector: 2 });
        await waiter.until(() => seen.length > 0, 'the interrupt');
        t.ok(
          seen.every((value) => value === byte),
          `round ${byte}`,
        );
      }
    },
  );

  suite.test(`a register that says done finds the DMA by ${name} done`, needs, async (t) => {
    const driver = await openTestDevice(t, suite);
    const length = 16 * PAGE;
    const memory = await mapGuest(driver.client, { address: BASE, length, share });
    for (const byte of [1, 2, 3, 4, 5]) {
      const fill = { command: register.DMA_FILL_GUEST, pattern: byte * 0x0101_0101 };
      t.equal(await driver.dma({ ...fill, destination: BASE, length, chunk: PAGE, depth: 16 }), 0);
      t.ok(
        bytesIn(memory, 0, length).every((value) => value === byte),
        `round ${byte}`,
      );
    }
  });
}

/** Gives notifications that travel beside the messages every chance to be ahead of them. */
async function readHaltingly(connection: Connection, done: () => boolean): Promise<void> {
  for (let round = 0; round < MOST_ROUNDS && !done(); round++) {
    connection.pause();
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    connection.resume();
    await setImmediate();
  }
}

function numberAt(bytes: Uint8Array): number {
  return new DataView(bytes.buffer).getUint32(0, true);
}
