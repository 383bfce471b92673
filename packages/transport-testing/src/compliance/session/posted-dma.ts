import { connectDevice, type DeviceClient, errno, type GuestMemory } from '@vfio-user/core';
import type { Test } from 'tap';
import type { Suite } from '../suite.js';
import { OverreachingServer } from './overreaching-server.js';
import { routeTo } from './route.js';
import { bytesIn, mapGuest } from './test-device-session.js';

const BASE = 0x5000_0000;
const PAGE = 4096;
const POSTED = ['postedDma'] as const;
/** Posted at once, far beyond any window. */
const FLOOD = 3000;

/** A device posts its writes: nobody answers them, and a fault is told once. */
export function postedDmaTests(suite: Suite): void {
  suite.test('posted DMA is seen in order, and before what follows it', POSTED, async (t) => {
    const { server, memory } = await open(t, suite);
    for (let i = 1; i <= 100; i++) server.post(BASE + (i % 8) * 4, number(i));
    t.equal(await server.read(BASE, 4), 0, 'a read behind them');
    t.same(numbersIn(memory, 8), [96, 97, 98, 99, 100, 93, 94, 95]);
    server.post(BASE, number(1));
    t.equal(await server.write(BASE + 4, number(2)), 0, 'a write behind one');
    t.same(numbersIn(memory, 2), [1, 2]);
    t.same(server.faults, []);
  });

  suite.test(
    'a fault of posted DMA is told once, and nothing behind it is done',
    POSTED,
    async (t) => {
      const { server, memory } = await open(t, suite);
      const first = server.post(BASE, number(1));
      t.equal(first, 1);
      const failed = server.post(BASE + PAGE, number(2));
      for (let i = 0; i < 100; i++) server.post(BASE + (i % 2) * PAGE, number(3));
      t.equal(await server.write(BASE, number(4)), errno.ECANCELED, 'nor what wants an answer');
      t.same(numbersIn(memory, 1), [1]);
      t.match(server.faults, [{ message: failed, address: BASE + PAGE, count: 4 }]);
      t.not(server.faults[0]?.errno, 0);
      await server.asked();
      t.equal(await server.read(BASE, 4), 0, 'the session goes on');
      server.post(BASE, number(5));
      t.equal(await server.read(BASE, 4), 0);
      t.same(numbersIn(memory, 1), [5], 'the device knows now');
    },
  );

  suite.test('posted DMA is out of reach once its memory is unmapped', POSTED, async (t) => {
    const { server, client, memory } = await open(t, suite);
    server.onUnmap = () => void server.post(BASE, number(1));
    await client.dmaUnmap(BASE, PAGE);
    t.same(numbersIn(memory, 1), [1], 'what was posted before the answer is there');
    t.same(server.faults, []);
    const failed = server.post(BASE, number(2));
    t.not(await server.read(BASE, 4), 0);
    t.same(numbersIn(memory, 1), [1]);
    t.same(
      server.faults.map(({ message, address }) => [message, address]),
      [[failed, BASE]],
      'the device is told of that one only',
    );
  });

  suite.test('a flood of posted DMA arrives, whatever the windows', POSTED, async (t) => {
    const { server, memory } = await open(t, suite);
    const data = new Uint8Array(PAGE);
    for (let i = 1; i <= FLOOD; i++) {
      data.fill(i);
      server.post(BASE, data);
    }
    t.equal(await server.read(BASE, 4), 0);
    t.ok(bytesIn(memory, 0, PAGE).every((byte) => byte === FLOOD % 256));
    t.same(server.faults, []);
  });
}

async function open(
  t: Test,
  suite: Suite,
): Promise<{ server: OverreachingServer; client: DeviceClient; memory: GuestMemory }> {
  const server = await OverreachingServer.listen(suite);
  t.teardown(() => server.close());
  const { uri } = await routeTo(t, suite, server.uri);
  const client = await connectDevice(uri, { registry: suite.registry });
  t.teardown(() => client.close());
  const memory = await mapGuest(client, { address: BASE, length: PAGE, share: false });
  return { server, client, memory };
}

function number(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function numbersIn(memory: GuestMemory, count: number): number[] {
  return Array.from(new Uint32Array(bytesIn(memory, 0, 4 * count).buffer));
}
