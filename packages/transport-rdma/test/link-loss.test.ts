// Sessions whose link is lost: the queue pair and the memory are made anew, transfers are run again, each once in effect.

import { setImmediate } from 'node:timers/promises';
import {
  type Accept,
  type Connection,
  connectDevice,
  type DeviceClient,
  type DeviceHost,
  definePciDevice,
  errno,
  Irq,
  msix,
  type OpenContext,
  serve,
  type Transport,
  TransportRegistry,
  type TransportUri,
} from '@vfio-user/core';
import { tcpTransport } from '@vfio-user/transport-tcp';
import t, { type Test } from 'tap';
import { z } from 'zod';
import { FakeFabric } from './fake-fabric.js';
import { machine, rdmaOver } from './support.js';

const BASE = 0x1_0000_0000;
const PAGE = 4096;
const LARGE = 3 * 2 ** 20;

/** Carries the bootstrap connections of a client, until they are cut. */
class CuttableTcp implements Transport {
  readonly #tcp = tcpTransport();
  readonly schemes = this.#tcp.schemes;
  readonly queryKeys = this.#tcp.queryKeys;
  readonly listen = this.#tcp.listen.bind(this.#tcp);
  #last: Connection | undefined;

  async connect(uri: TransportUri, accept: Accept, context: OpenContext): Promise<Connection> {
    this.#last = await this.#tcp.connect(uri, accept, context);
    return this.#last;
  }

  cut(): void {
    this.#last?.abort(new Error('cut'));
  }
}

/** A client with some memory, and a device that does what the test says. */
async function deviceOf(t: Test, length = LARGE) {
  const fabric = new FakeFabric();
  const hosts: DeviceHost[] = [];
  const definition = definePciDevice({
    name: 'probe',
    summary: 'does what its test says',
    options: z.strictObject({}),
    create(created) {
      hosts.push(created);
      return {
        identity: { vendorId: 0x1234, deviceId: 0xc003, classCode: 0xff0000 },
        capabilities: [msix({ vectors: 1, table: { bar: 1, offset: 0 } })],
        bars: {},
        reset() {},
      };
    },
  });
  const listen = 'rdma://127.0.0.1:0';
  const server = await serve({ definition, options: {}, registry: machine(fabric), listen });
  t.teardown(() => server.close());
  const bootstrap = new CuttableTcp();
  const registry = new TransportRegistry([rdmaOver(bootstrap, fabric)]);
  const client = await connectDevice(server.uri, { registry });
  t.teardown(() => client.close());
  const memory = client.allocateMemory(length);
  await client.dmaMap({ address: BASE, memory });
  const bytes = memory.view(0, length) as Uint8Array;
  return { fabric, client, bytes, bootstrap, host: hosts[0] as DeviceHost };
}

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 12) + seed) & 0xff);
}

/** Much faster than comparing element by element. */
function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function pathOf({ connection }: DeviceClient): string | undefined {
  return connection.oneSided?.description;
}

/** Until work on its way has been carried out, or has stopped. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await setImmediate();
}

t.test('transfers under way are run again over the next queue pair', async (t) => {
  const { fabric, bytes, host, client } = await deviceOf(t);
  const data = pattern(LARGE, 1);
  const seen = new Uint8Array(LARGE);
  fabric.faults.black = true;
  const written = host.dma.write(BASE, data);
  const read = host.dma.read(BASE, seen);
  await turns();
  fabric.faults.black = false;
  fabric.removeDevices();
  await Promise.all([written, read]);
  t.ok(isSame(bytes, data));
  t.ok(isSame(seen, data), 'in order: the read is behind the write');
  t.equal(pathOf(client), 'RDMA by fake0');
  t.ok(fabric.transfers > 0);
});

for (const [index, side] of ['client', 'device'].entries()) {
  t.test(`the adapter of the ${side} alone goes away, the other connection lives`, async (t) => {
    const { fabric, bytes, host, client } = await deviceOf(t);
    const data = pattern(LARGE, index);
    const written = host.dma.write(BASE, data);
    for (let i = 0; i < 5; i++) await setImmediate();
    // The client makes its end first.
    [...fabric.devices][index]?.remove();
    await written;
    t.ok(isSame(bytes, data));
    t.equal(pathOf(client), 'RDMA by fake0');
    t.equal(fabric.devices.size, 2, 'the old ends are closed');
  });
}

t.test('an interrupt that is sent again stays behind the data before it', async (t) => {
  const { fabric, bytes, host, client } = await deviceOf(t, PAGE);
  const interrupts: number[] = [];
  await client.enableInterrupts(Irq.MSIX, 1, () => void interrupts.push(bytes[0] as number));
  fabric.faults.black = true;
  const writes = [1, 2].map(async (value) => {
    const written = host.dma.write(BASE, Uint8Array.of(value));
    host.interrupts.raise(0);
    await written;
  });
  await turns();
  t.strictSame(interrupts, []);
  fabric.faults.black = false;
  fabric.removeDevices();
  await Promise.all(writes);
  while (interrupts.length < 2) await setImmediate();
  // RDMA may be ahead of a client that has yet to process an earlier message.
  t.ok((interrupts[0] as number) >= 1 && interrupts[1] === 2, `${interrupts}`);
});

t.test('a write is not run again once the client knows of it', async (t) => {
  const { fabric, bytes, host, client } = await deviceOf(t, PAGE);
  const interrupted = new Promise<void>((resolve) => {
    void client.enableInterrupts(Irq.MSIX, 1, () => resolve());
  });
  await turns();
  fabric.faults.unacknowledged = true;
  let ended = false;
  const written = host.dma.write(BASE, Uint8Array.of(1)).then(() => {
    ended = true;
  });
  host.interrupts.raise(0);
  await interrupted;
  bytes[0] = 0xee;
  t.notOk(ended, 'the device does not know');
  fabric.faults.unacknowledged = false;
  fabric.removeDevices();
  await written;
  await host.dma.write(BASE + 1, Uint8Array.of(2));
  t.equal(bytes[1], 2);
  t.equal(bytes[0], 0xee, 'what the guest wrote since is still there');
});

t.test('a write that has arrived is not run again, although nobody was told', async (t) => {
  const { fabric, bytes, host, bootstrap } = await deviceOf(t);
  for (let round = 0; round < 3; round++) {
    fabric.faults.unacknowledged = true;
    const data = pattern(40_000, round);
    const written = [0, 50_000].map((at) => host.dma.write(BASE + at, data));
    while (!isSame(bytes.subarray(50_000, 90_000), data)) await setImmediate();
    // A driver that polls memory goes on at once.
    bytes.fill(0xee, 0, 90_000);
    fabric.faults.black = true;
    const later = host.dma.write(BASE + 100_000, data);
    await turns();
    fabric.faults.black = false;
    fabric.faults.unacknowledged = false;
    bootstrap.cut();
    await Promise.all([...written, later]);
    t.ok(bytes.subarray(0, 90_000).every((byte) => byte === 0xee));
    t.ok(isSame(bytes.subarray(100_000, 140_000), data), 'and one that has not, is');
    bytes.fill(0, 100_000, 140_000);
  }
});

t.test('without adapters everything goes by messages, until there are some', async (t) => {
  const { fabric, bytes, host, client, bootstrap } = await deviceOf(t);
  const interrupts: number[] = [];
  await client.enableInterrupts(
    Irq.MSIX,
    1,
    () => void interrupts.push(bytes[LARGE - 1] as number),
  );
  const data = pattern(LARGE, 2);
  fabric.faults.black = true;
  const written = host.dma.write(BASE, data);
  await turns();
  fabric.faults.black = false;
  fabric.faults.broken = true;
  fabric.removeDevices();
  await written;
  t.ok(isSame(bytes, data), 'what was under way');
  t.equal(pathOf(client), 'messages, as RDMA was lost');
  const { transfers } = fabric;
  const more = pattern(LARGE, 3);
  const again = host.dma.write(BASE, more);
  host.interrupts.raise(0);
  while (interrupts.length === 0) await setImmediate();
  t.strictSame(interrupts, [more[LARGE - 1]], 'an interrupt stays behind the data');
  await again;
  const seen = new Uint8Array(LARGE);
  await host.dma.read(BASE, seen);
  t.ok(isSame(seen, more));
  t.equal(fabric.transfers, transfers, 'nothing by RDMA');

  const later = client.allocateMemory(PAGE);
  await client.dmaMap({ address: BASE + 2 ** 30, memory: later });
  await host.dma.write(BASE + 2 ** 30, Uint8Array.of(5));
  t.equal(later.view(0, 1)?.[0], 5, 'memory that was mapped meanwhile');

  const cut = host.dma.write(BASE, data);
  await turns();
  fabric.faults.broken = false;
  bootstrap.cut();
  await cut;
  t.ok(isSame(bytes, data));
  // It may have been complete before the cut.
  while (pathOf(client) !== 'RDMA by fake0') await setImmediate();
  await host.dma.write(BASE + 2 ** 30, Uint8Array.of(6));
  t.equal(later.view(0, 1)?.[0], 6);
  t.ok(fabric.transfers > transfers, 'by RDMA again');
});

t.test(
  'memory that the next adapter cannot pin is reached by messages over its queue pair',
  async (t) => {
    const { fabric, bytes, host, client } = await deviceOf(t);
    fabric.faults.maxPinned = 2 ** 17;
    fabric.removeDevices();
    const data = pattern(LARGE, 4);
    const { transfers } = fabric;
    await host.dma.write(BASE, data);
    t.ok(isSame(bytes, data));
    t.equal(pathOf(client), 'RDMA by fake0');
    t.equal(fabric.transfers, transfers);
  },
);

t.test('an unmap in the gap ends the rights and the transfers', async (t) => {
  const { fabric, host, client } = await deviceOf(t, PAGE);
  const before = fabric.regions.size;
  fabric.faults.black = true;
  const written = host.dma.write(BASE, Uint8Array.of(1)).catch((error) => error);
  await turns();
  fabric.removeDevices();
  const unmapped = client.dmaUnmap(BASE, PAGE);
  await setImmediate();
  fabric.faults.black = false;
  await Promise.all([written, unmapped]);
  t.equal(fabric.regions.size, before - 1);
  const late = host.dma.write(BASE, Uint8Array.of(1));
  await t.rejects(late, { errno: errno.ENOENT, message: /did not map/ });
});

t.test('content survives links of both kinds that are lost amid DMA', async (t) => {
  const { fabric, bytes, host, bootstrap } = await deviceOf(t);
  for (let round = 0; round < 12; round++) {
    const data = pattern(LARGE, round);
    const writes = [0, 1, 2].map((part) => {
      const at = (part * LARGE) / 3;
      return host.dma.write(BASE + at, data.subarray(at, at + LARGE / 3));
    });
    for (let i = 0; i < round; i++) await setImmediate();
    fabric.faults.broken = round % 3 === 1;
    if (round % 2 === 0) fabric.removeDevices();
    else bootstrap.cut();
    await Promise.all(writes);
    t.ok(isSame(bytes, data), `round ${round}`);
    const seen = new Uint8Array(LARGE);
    const read = host.dma.read(BASE, seen);
    if (round % 4 === 3) bootstrap.cut();
    await read;
    t.ok(isSame(seen, data), `round ${round}, read back`);
  }
});
