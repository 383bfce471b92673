// A bridge between a plain client and a device that is out of reach and comes back: whatever happens, every request is
// answered before QEMU would give the bridge up.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectDevice,
  type DeviceClient,
  Irq,
  Region,
  RemoteError,
  TransportRegistry,
} from '@vfio-user/core';
import { NvmeDriver } from '@vfio-user/drivers';
import { unixTransport } from '@vfio-user/transport-unix';
import t, { type Test } from 'tap';
import { type BridgedDevice, RemoteDevices, type RemoteOptions } from '../src/remote-devices.js';

/** QEMU's x-msg-timeout. */
const QEMU_PATIENCE_MS = 5000;
const BACK_MS = 60_000;
/** Less than the usual one: a slow machine has time left until {@link QEMU_PATIENCE_MS}. */
const ANSWER_TIMEOUT = '2s';
/** How long the session is kept where the device is to be lost. */
const HOLD = '8s';
/** What a bridge says of a device that it cannot reach: ENETUNREACH, ETIMEDOUT, EHOSTUNREACH. */
const NO_WAY = [101, 110, 113];
const NVME_VERSION = 0x0001_0400;
const ALL_ONES = 0xffff_ffff;
/** Guest memory that a test maps and unmaps. */
const EXTRA = { address: 0x2_0000_0000, size: 0x4000 };
const POSTED_WRITES = 20_000;
/** The serial number makes a disk in memory the same one when it is served again. */
const SETTINGS = { size: '1M', serial: 'remote-failures' };
const BACK = 'the device is back';

interface Rig extends BridgedDevice {
  readonly devices: RemoteDevices;
  readonly client: DeviceClient;
  readonly nvme: NvmeDriver;
}

async function rig(t: Test, options: RemoteOptions = {}): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), 'vfu-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const devices = await RemoteDevices.create((end) => t.teardown(end), {
    answerTimeout: ANSWER_TIMEOUT,
    ...options,
  });
  const bridged = await devices.plug('nvme', join(folder, 'disk.sock'), SETTINGS);
  const registry = new TransportRegistry([unixTransport()]);
  const client = await connectDevice(`unix://${bridged.socketPath}`, {
    registry,
    timeoutMs: 4 * QEMU_PATIENCE_MS,
  });
  t.teardown(() => client.close());
  const nvme = await NvmeDriver.attach(client);
  return { ...bridged, devices, client, nvme };
}

/** Every kind of request that QEMU makes of a device that it has started. */
function requestsOfAll(client: DeviceClient): Record<string, () => Promise<unknown>> {
  const word = new Uint8Array(4);
  const memory = client.allocateMemory(EXTRA.size);
  return {
    'a register read': () => client.regionRead(Region.BAR0, 8, 4),
    'a register write': () => client.regionWrite(Region.BAR0, 0x24, word),
    'a config space read': () => client.regionRead(Region.CONFIG, 0, 4),
    'a config space write': () => client.regionWrite(Region.CONFIG, 4, word.subarray(2)),
    DMA_MAP: () => client.dmaMap({ address: EXTRA.address, memory }),
    DMA_UNMAP: () => client.dmaUnmap(EXTRA.address, EXTRA.size),
    SET_IRQS: () => client.enableInterrupts(Irq.ERR, 1, () => {}),
    DEVICE_RESET: () => client.reset(),
    GET_REGION_INFO: () => client.regionInfo(Region.BAR0),
    GET_IRQ_INFO: () => client.irqInfo(Irq.MSIX),
  };
}

/** What only the device knows is refused in its absence; everything else is answered. */
const REFUSED = /INFO/;

async function answeredInTime(t: Test, what: string, request: () => Promise<unknown>) {
  const begin = performance.now();
  const outcome = await request().catch((error: unknown) => error);
  const ms = performance.now() - begin;
  t.ok(ms < QEMU_PATIENCE_MS, `${what} is answered within 5 s: after ${ms.toFixed(0)} ms`);
  if (REFUSED.test(what)) t.ok(outcome instanceof RemoteError, `${what} is refused`);
  else t.notOk(outcome instanceof Error, `${what} does not fail: ${outcome}`);
}

async function diskWorks(t: Test, nvme: NvmeDriver, seed: number): Promise<void> {
  await nvme.start();
  const written = new Uint8Array(4096).map((_, i) => (i + seed) % 251);
  await nvme.write(1, written);
  await nvme.read(0);
  t.same(await nvme.read(1), written, 'the disk keeps a block: registers, DMA, interrupts work');
}

t.test('the device host vanishes without a word, and comes back too late', async (t) => {
  const { devices, bridge, client, nvme } = await rig(t, { hold: HOLD });
  await diskWorks(t, nvme, 1);
  const requests = Object.entries(requestsOfAll(client));

  await devices.hosts.unplugCable();
  const lost = bridge.logged('out of reach', BACK_MS);
  // All at once: each of them waits for the device.
  await Promise.all(
    requests.map(([what, request]) => answeredInTime(t, `${what} when it vanishes`, request)),
  );
  for (const [what, request] of requests) await answeredInTime(t, `${what} in silence`, request);
  await lost;
  for (const [what, request] of requests) await answeredInTime(t, `${what} later`, request);
  t.equal(await nvme.version(), ALL_ONES, 'registers read as all ones');

  await devices.hosts.plugCable();
  const begin = performance.now();
  await bridge.logged(BACK, BACK_MS);
  t.comment(`back ${((performance.now() - begin) / 1000).toFixed(1)} s after the cable`);
  t.equal(await nvme.version(), NVME_VERSION, 'registers can be read again');
  await diskWorks(t, nvme, 2);
});

t.test('a network that is away for a moment costs time only', async (t) => {
  const { devices, client, nvme } = await rig(t);
  await diskWorks(t, nvme, 1);
  await devices.hosts.unplugCable();
  const read = (): Promise<Uint8Array> => client.regionRead(Region.CONFIG, 0, 4);
  await answeredInTime(t, 'a read of configuration space', read);
  t.equal(await nvme.version(), ALL_ONES, 'registers read as all ones');
  const written = new Uint8Array(4096).fill(7);
  const write = nvme.write(2, written);
  await devices.hosts.plugCable();
  await write;
  t.same(await nvme.read(2), written, 'a command of meanwhile is carried out');
  t.equal(await nvme.version(), NVME_VERSION, 'registers can be read again: nothing was reset');
});

t.test('a flood of posted writes does not keep a request from its answer', async (t) => {
  const { devices, bridge, client, nvme } = await rig(t);
  await nvme.start();
  await devices.hosts.unplugCable();
  // More than the device may have without acknowledging, and more than the line takes.
  const doorbell = new Uint8Array(4);
  for (let i = 0; i < POSTED_WRITES; i++) client.regionWritePosted(Region.BAR0, 0x1000, doorbell);
  await client.drained();
  const read = (): Promise<Uint8Array> => client.regionRead(Region.BAR0, 8, 4);
  await answeredInTime(t, 'a register read behind them', read);
  await bridge.logged('the link is lost', BACK_MS);
  await devices.hosts.plugCable();
  await bridge.logged('the session goes on', BACK_MS);
  t.equal(await nvme.version(), NVME_VERSION, 'registers can be read again: nothing was reset');
});

t.test('the device server is killed and started again', async (t) => {
  const { devices, server, bridge, client, nvme, port } = await rig(t);
  await diskWorks(t, nvme, 1);
  const requests = Object.entries(requestsOfAll(client));

  let running = server;
  for (const round of [1, 2]) {
    const from = bridge.log.length;
    await running.kill();
    await bridge.logged('the link is lost', QEMU_PATIENCE_MS, from);
    for (const [what, request] of requests) await answeredInTime(t, what, request);
    t.equal(await nvme.version(), ALL_ONES, 'registers read as all ones');

    // It does not know the session any more.
    running = await devices.serve('nvme', port, SETTINGS);
    await bridge.logged('out of reach', BACK_MS, from);
    await bridge.logged(BACK, BACK_MS, from);
    t.equal(await nvme.version(), NVME_VERSION, 'registers can be read again');
    await diskWorks(t, nvme, round);
  }
});

t.test('a client that comes while the device is away is told so in time', async (t) => {
  const { devices, client, socketPath } = await rig(t);
  await client.close();
  await devices.hosts.unplugCable();
  const registry = new TransportRegistry([unixTransport()]);
  const begin = performance.now();
  const error = await connectDevice(`unix://${socketPath}`, { registry }).catch((e: unknown) => e);
  t.ok(error instanceof RemoteError && NO_WAY.includes(error.errno), `why: ${error}`);
  const ms = performance.now() - begin;
  t.ok(ms < QEMU_PATIENCE_MS, `after ${ms.toFixed(0)} ms`);
});
