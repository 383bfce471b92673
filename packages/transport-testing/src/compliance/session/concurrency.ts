import { Command, constants, errno, Region } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import type { Suite } from '../suite.js';
import { TestDeviceSession } from './test-device-session.js';
import { UnansweringClient } from './unanswering-client.js';

const { DMA_MAP_READ, DMA_MAP_WRITE } = constants;

const BASE = 0x1000_0000;
const LENGTH = 65_536;
const DEPTH = 4;
const DMA_MAP_BYTES = 32;
const DMA_UNMAP_BYTES = 24;

/** Register accesses do not wait for DMA, whatever the client makes of it. */
export function concurrencyTests(suite: Suite): void {
  suite.test('registers answer while the client holds DMA back', async (t) => {
    const session = await TestDeviceSession.open(t, suite);
    const client = await UnansweringClient.connect(suite.registry, session.uri);
    await startFill(client);
    await client.holding(DEPTH);
    t.equal(await read32(client, register.ID), register.ID_VALUE);
    t.equal(await read32(client, register.DMA_STATUS), register.STATUS_BUSY);
    await write32(client, register.SCRATCH, 77);
    t.equal(await read32(client, register.SCRATCH), 77);
    t.equal(client.heldCount, DEPTH, 'the device waits');
    let status: number;
    do {
      client.release();
      status = await read32(client, register.DMA_STATUS);
    } while (status === register.STATUS_BUSY);
    t.equal(status, register.STATUS_DONE);
    await client.vanish();
  });

  suite.test('unmapping does not wait for accesses that are held back', async (t) => {
    const session = await TestDeviceSession.open(t, suite);
    const client = await UnansweringClient.connect(suite.registry, session.uri);
    await startFill(client);
    await client.holding(DEPTH);
    const body = { argsz: DMA_UNMAP_BYTES, flags: 0, address: BASE, size: LENGTH };
    await client.call(Command.DMA_UNMAP, body, () => undefined);
    t.equal(
      await read32(client, register.DMA_STATUS),
      register.STATUS_DONE | register.STATUS_FAILED,
    );
    t.equal(await read32(client, register.DMA_ERROR), errno.ECANCELED);
    client.release();
    t.equal(await read32(client, register.ID), register.ID_VALUE, 'late answers do no harm');
    t.equal(client.heldCount, 0, 'the device asks for no more');
    await client.vanish();
  });

  suite.test('a client that vanishes while it holds DMA back is forgotten', async (t) => {
    const session = await TestDeviceSession.open(t, suite);
    const client = await UnansweringClient.connect(suite.registry, session.uri);
    await startFill(client);
    await client.holding(DEPTH);
    await client.vanish();
    const next = await session.connect();
    t.equal(await next.read32(register.DMA_STATUS), 0);
    t.equal(await next.read32(register.LAST_RESET), register.RESET_CONNECTION_LOST);
  });
}

async function startFill(client: UnansweringClient): Promise<void> {
  const flags = DMA_MAP_READ | DMA_MAP_WRITE;
  const body = { argsz: DMA_MAP_BYTES, flags, offset: 0n, address: BASE, size: LENGTH };
  await client.call(Command.DMA_MAP, body, () => undefined);
  await write32(client, register.DMA_DESTINATION, BASE);
  await write32(client, register.DMA_LENGTH, LENGTH);
  await write32(client, register.DMA_CHUNK, 4096);
  await write32(client, register.DMA_DEPTH, DEPTH);
  await write32(client, register.DMA_COMMAND, register.DMA_FILL_GUEST);
}

function read32(client: UnansweringClient, offset: number): Promise<number> {
  const body = { region: Region.BAR0, offset, count: 4 };
  return client.call(Command.REGION_READ, body, (reply) => {
    const data = reply?.data ?? new Uint8Array(4);
    return new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  });
}

function write32(client: UnansweringClient, offset: number, value: number): Promise<void> {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, value, true);
  const body = { region: Region.BAR0, offset, count: 4, data };
  return client.call(Command.REGION_WRITE, body, () => undefined);
}
