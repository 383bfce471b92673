// What the demonstration lets a test device do: what a guest's kernel would do, through its driver.

import { randomFillSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { Irq } from '../../packages/core/dist/index.js';
import { benchRegisters as reg } from '../../packages/devices/dist/index.js';
import { TestDeviceDriver } from '../../packages/drivers/dist/index.js';

const REGISTER_ROUNDS = 3000;
const COPY_BYTES = 16 * 2 ** 20;
const COPY_ROUNDS = 8;
const SOURCE = 0x1000_0000;
const DESTINATION = 0x2000_0000;
const INTERRUPTS = 1000;
const SEQUENCE = 0x3000_0000;
const PAGE_BYTES = 4096;

/** Fails unless this is a test device. */
export async function driverOf(client) {
  const driver = await TestDeviceDriver.withInterrupt(client);
  const id = await driver.read32(reg.ID);
  if (id !== reg.ID_VALUE) throw new Error(`not a bench device: its ID register is ${id}`);
  return driver;
}

/** Writes a register and reads it back, again and again; the reads are timed. */
export async function exchangeRegisters(driver) {
  const times = [];
  let ok = true;
  for (let round = 0; round < REGISTER_ROUNDS; round += 1) {
    const value = (round * 0x9e37_79b1) >>> 0;
    await driver.write32(reg.SCRATCH, value);
    const begin = performance.now();
    const answer = await driver.read32(reg.SCRATCH);
    times.push(performance.now() - begin);
    if (answer !== value) ok = false;
  }
  times.sort((a, b) => a - b);
  return { ok, microseconds: times[REGISTER_ROUNDS / 2] * 1000 };
}

/** Lets the device copy memory of this process, compares, and lets it check what it sees. */
export async function copyMemory(driver) {
  const { client } = driver;
  const source = client.allocateMemory(COPY_BYTES);
  const destination = client.allocateMemory(COPY_BYTES);
  const sent = source.view(0, COPY_BYTES);
  randomFillSync(sent);
  await client.dmaMap({ address: SOURCE, memory: source, writable: false });
  await client.dmaMap({ address: DESTINATION, memory: destination });

  const milliseconds = await driver.timedDma({
    command: reg.DMA_COPY_GUEST,
    source: SOURCE,
    destination: DESTINATION,
    length: COPY_BYTES,
    chunk: 2 ** 20,
    depth: 8,
    repeat: COPY_ROUNDS,
  });
  const isSame = Buffer.compare(sent, destination.view(0, COPY_BYTES)) === 0;
  const check = { command: reg.DMA_CHECKSUM_GUEST, source: DESTINATION, length: COPY_BYTES };
  await driver.timedDma({ ...check, repeat: 1 });
  const isExpected = (await driver.read32(reg.DMA_CHECKSUM)) === crc32(sent);

  await client.dmaUnmap(SOURCE, COPY_BYTES);
  await client.dmaUnmap(DESTINATION, COPY_BYTES);
  source.close();
  destination.close();
  return {
    ok: isSame && isExpected,
    mebibytesPerSecond: (COPY_BYTES * COPY_ROUNDS) / 2 ** 20 / (milliseconds / 1000),
  };
}

/**
 * Lets the device write 1 to memory and interrupt, write 2 and interrupt, and so on. At each
 * interrupt the number in memory must be at least as high as the interrupts seen.
 */
export async function countInterrupts(driver) {
  const { client } = driver;
  const memory = client.allocateMemory(PAGE_BYTES);
  await client.dmaMap({ address: SEQUENCE, memory });
  const view = memory.view(0, PAGE_BYTES);
  const sequence = new DataView(view.buffer, view.byteOffset);
  let received = 0;
  let isOrdered = true;
  await client.enableInterrupts(Irq.MSIX, 1, (_vector, count) => {
    received += count;
    if (sequence.getUint32(0, true) < received) isOrdered = false;
  });

  await driver.startBurst({ address: SEQUENCE, count: INTERRUPTS, vector: 0 });
  const error = await driver.burstEnded();
  for (let wait = 0; wait < 200 && received < INTERRUPTS; wait += 1) await sleep(5);

  await client.dmaUnmap(SEQUENCE, PAGE_BYTES);
  memory.close();
  return {
    ok: error === 0 && isOrdered && received === INTERRUPTS,
    sent: INTERRUPTS,
    received,
  };
}
