// A driver for the bench device: what a guest's kernel would do, through the client library. The
// registers are described in packages/devices/src/test-device/registers.ts.

import { randomFillSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { Irq, Region } from '../../packages/core/dist/index.js';
import { benchRegisters as reg } from '../../packages/devices/dist/index.js';

const REGISTER_ROUNDS = 3000;
const COPY_BYTES = 16 * 2 ** 20;
const COPY_ROUNDS = 8;
const SOURCE = 0x1000_0000;
const DESTINATION = 0x2000_0000;
const INTERRUPTS = 1000;
const SEQUENCE = 0x3000_0000;
const PAGE_BYTES = 4096;

async function read32(client, offset) {
  const bytes = await client.regionRead(Region.BAR0, offset, 4);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}

async function write32(client, offset, value) {
  await client.regionWrite(Region.BAR0, offset, new Uint8Array(Uint32Array.of(value).buffer));
}

/** Waits until an operation is over; `false` when it failed. */
async function finished(client, statusRegister) {
  let status = await read32(client, statusRegister);
  while ((status & reg.STATUS_BUSY) !== 0) {
    await sleep(5);
    status = await read32(client, statusRegister);
  }
  return (status & reg.STATUS_FAILED) === 0;
}

/** Fails unless this is a bench device. */
export async function identify(client) {
  const id = await read32(client, reg.ID);
  if (id !== reg.ID_VALUE) throw new Error(`not a bench device: its ID register is ${id}`);
}

/** Writes a register and reads it back, again and again; the reads are timed. */
export async function exchangeRegisters(client) {
  const times = [];
  let ok = true;
  for (let round = 0; round < REGISTER_ROUNDS; round += 1) {
    const value = (round * 0x9e37_79b1) >>> 0;
    await write32(client, reg.SCRATCH, value);
    const begin = performance.now();
    const answer = await read32(client, reg.SCRATCH);
    times.push(performance.now() - begin);
    if (answer !== value) ok = false;
  }
  times.sort((a, b) => a - b);
  return { ok, microseconds: times[REGISTER_ROUNDS / 2] * 1000 };
}

/** Lets the device copy memory of this process, compares, and lets it check what it sees. */
export async function copyMemory(client) {
  const source = client.memory.allocate(COPY_BYTES);
  const destination = client.memory.allocate(COPY_BYTES);
  const sent = source.view(0, COPY_BYTES);
  randomFillSync(sent);
  await client.dmaMap({ address: SOURCE, memory: source, writable: false });
  await client.dmaMap({ address: DESTINATION, memory: destination });

  await write32(client, reg.DMA_SOURCE, SOURCE);
  await write32(client, reg.DMA_DESTINATION, DESTINATION);
  await write32(client, reg.DMA_LENGTH, COPY_BYTES);
  await write32(client, reg.DMA_CHUNK, 2 ** 20);
  await write32(client, reg.DMA_DEPTH, 8);
  await write32(client, reg.DMA_REPEAT, COPY_ROUNDS);
  await write32(client, reg.DMA_COMMAND, reg.DMA_COPY_GUEST);
  const isCopied = await finished(client, reg.DMA_STATUS);
  const low = await read32(client, reg.DMA_NANOSECONDS);
  const seconds = ((await read32(client, reg.DMA_NANOSECONDS + 4)) * 2 ** 32 + low) / 1e9;
  const isSame = Buffer.compare(sent, destination.view(0, COPY_BYTES)) === 0;

  await write32(client, reg.DMA_SOURCE, DESTINATION);
  await write32(client, reg.DMA_REPEAT, 1);
  await write32(client, reg.DMA_COMMAND, reg.DMA_CHECKSUM_GUEST);
  const isChecked = await finished(client, reg.DMA_STATUS);
  const isExpected = (await read32(client, reg.DMA_CHECKSUM)) === crc32(sent);

  await client.dmaUnmap(SOURCE, COPY_BYTES);
  await client.dmaUnmap(DESTINATION, COPY_BYTES);
  source.close();
  destination.close();
  return {
    ok: isCopied && isSame && isChecked && isExpected,
    mebibytesPerSecond: (COPY_BYTES * COPY_ROUNDS) / 2 ** 20 / seconds,
  };
}

/**
 * Lets the device write 1 to memory and interrupt, write 2 and interrupt, and so on. At each
 * interrupt the number in memory must be at least as high as the interrupts seen.
 */
export async function countInterrupts(client) {
  const memory = client.memory.allocate(PAGE_BYTES);
  await client.dmaMap({ address: SEQUENCE, memory });
  const view = memory.view(0, PAGE_BYTES);
  const sequence = new DataView(view.buffer, view.byteOffset);
  let received = 0;
  let isOrdered = true;
  await client.enableInterrupts(Irq.MSIX, 1, (_vector, count) => {
    received += count;
    if (sequence.getUint32(0, true) < received) isOrdered = false;
  });

  await write32(client, reg.BURST_ADDRESS, SEQUENCE);
  await write32(client, reg.BURST_COUNT, INTERRUPTS);
  await write32(client, reg.BURST_VECTOR, 0);
  await write32(client, reg.BURST_COMMAND, reg.BURST_SEQUENCE);
  const isSent = await finished(client, reg.BURST_STATUS);
  for (let wait = 0; wait < 200 && received < INTERRUPTS; wait += 1) await sleep(5);

  await client.dmaUnmap(SEQUENCE, PAGE_BYTES);
  memory.close();
  return {
    ok: isSent && isOrdered && received === INTERRUPTS,
    sent: INTERRUPTS,
    received,
  };
}
