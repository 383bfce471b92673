// rdma-sessions: devices over RDMA, served by another process of this machine, which is killed at last.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import {
  connectDevice,
  type ServerLimits,
  serve,
  startBridge,
  TransportRegistry,
} from '@vfio-user/core';
import { bench, benchRegisters as register } from '@vfio-user/devices';
import { rdmaTransport } from '@vfio-user/transport-rdma';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import type { Test } from 'tap';
import { runChecks } from './checks.js';
import { CountedRdma } from './counted-rdma.js';
import { Program } from './program.js';
import { CopiedContent, keepBusy, keepsOrder, movesMemory, openDevice } from './rdma-dma.js';

const run = promisify(execFile);
const URI = 'rdma://10.0.0.1:7000?fallback=never';
const MAY_FALL_BACK = 'rdma://10.0.0.1:7001';
const NOT_HELD = 'rdma://10.0.0.1:7002?fallback=never';
/** An emulated guest may take its time to set up a queue pair. */
const PATIENCE_MS = 60_000;
/** How soon an end must be noticed. */
const BOUND_MS = 10_000;

const server = new Program('rdma-serve', URI);
const rdma = new CountedRdma();
const tcp = tcpTransport();

/** Clients of a UNIX socket; the device is reached by RDMA. */
async function bridges(t: Test): Promise<void> {
  const registry = new TransportRegistry([unixTransport(), rdma]);
  const listen = 'unix:///tmp/bridge.sock';
  const timeouts = { answerTimeoutMs: PATIENCE_MS, linkTimeoutMs: PATIENCE_MS };
  const bridge = await startBridge({ registry, listen, connect: URI, ...timeouts });
  t.teardown(() => bridge.close());
  const driver = await openDevice(t, listen, registry);
  t.ok(driver.client.connection.capabilities.sharedMemory, 'the client shares its memory');
  await movesMemory(t, driver, rdma);
}

/** The process that drives the device is killed amid DMA. */
async function survivesItsClient(t: Test): Promise<void> {
  const client = new Program('rdma-busy', URI);
  await client.printed('BUSY');
  await client.kill();
  const killedAt = performance.now();
  await server.printed('the link is lost, the session is kept');
  t.ok(performance.now() - killedAt < BOUND_MS, 'that is noticed soon');
  // It takes the place of the session that nobody comes back to.
  await movesMemory(t, await openDevice(t, URI, rdma.registry), rdma);
}

/** The process that serves the device is killed amid DMA. */
async function survivesItsServer(t: Test): Promise<void> {
  const server = new Program('rdma-serve', '--no-hold', NOT_HELD);
  await server.printed('SERVING');
  const driver = await openDevice(t, NOT_HELD, rdma.registry);
  await keepBusy(driver);
  await server.kill();
  const killedAt = performance.now();
  const error = await driver.client.closed;
  t.ok(performance.now() - killedAt < BOUND_MS, 'that is noticed soon');
  t.match(error?.message, /10\.0\.0\.1:7002/, 'and it is said who went');
}

/** A device of this process. */
async function serveHere(t: Test, limits: Partial<ServerLimits> = {}): Promise<void> {
  const { registry } = rdma;
  const options = bench.options.parse({ memory: '16M' });
  const listen = MAY_FALL_BACK;
  const local = await serve({ definition: bench, options, registry, listen, limits });
  t.teardown(() => local.close());
}

const deleteDevice = () => run('/usr/bin/rdma', ['link', 'delete', 'rxe0']);
const addDevice = () =>
  run('/usr/bin/rdma', ['link', 'add', 'rxe0', 'type', 'rxe', 'netdev', 'eth0']);

/** Without a session that is kept: its adapter is taken away amid DMA, and comes back. */
async function survivesTheAdapter(t: Test): Promise<void> {
  await serveHere(t, { holdMs: 0 });
  const driver = await openDevice(t, MAY_FALL_BACK, rdma.registry);
  await keepBusy(driver);
  // Ends once nobody has it open.
  const deleted = deleteDevice();
  const error = await driver.client.closed;
  t.match(error?.message, /device removed/, 'what ended the connection');
  await deleted;

  const byMessages = { registry: new TransportRegistry([rdmaTransport({ bootstrap: tcp })]) };
  const client = await connectDevice(MAY_FALL_BACK, byMessages);
  t.equal(client.connection.oneSided, undefined, 'without it everything goes by messages');
  await client.close();

  await addDevice();
  await movesMemory(t, await openDevice(t, MAY_FALL_BACK, rdma.registry), rdma);
}

/** The adapter is taken away amid DMA and interrupts, and comes back: the session goes on. */
async function goesOnWithoutTheAdapter(t: Test): Promise<void> {
  await serveHere(t);
  const links = new CountedRdma({ fallsBack: true });
  const driver = await openDevice(t, MAY_FALL_BACK, links.registry);
  const path = (): string | undefined => driver.client.connection.oneSided?.description;
  const content = new CopiedContent(driver);
  await content.map();

  /** A link that was made before the adapter had its addresses again has messages. */
  const untilRdma = async (): Promise<void> => {
    while (path() !== 'RDMA by rxe0') {
      links.cut();
      t.equal(await driver.read32(register.ID), register.ID_VALUE);
    }
  };

  t.equal(path(), 'RDMA by rxe0');
  for (let turn = 0; turn < 3; turn++) {
    const copying = content.copy();
    await content.underWay();
    await deleteDevice();
    t.ok(await copying, 'what was under way is complete');
    t.equal(path(), 'messages, as RDMA was lost');
    t.ok(await content.copy(), 'the next goes by messages');
    await addDevice();
    const again = content.copy();
    await content.underWay();
    links.cut();
    t.ok(await again, 'complete over another link');
    await untilRdma();
  }
  await content.unmap();

  const ordered = keepsOrder(t, driver);
  await deleteDevice();
  await addDevice();
  links.cut();
  await ordered;
  await untilRdma();
}

await server.printed('SERVING');
await runChecks((t) => {
  t.test('a bridge has the memory of its client read and written by RDMA', bridges);
  t.test('a server survives that its client is killed', survivesItsClient);
  t.test('a client survives that its server is killed', survivesItsServer);
  t.test('both survive that the RDMA device is taken away', survivesTheAdapter);
  t.test('a session survives that the RDMA device is taken away', goesOnWithoutTheAdapter);
});
await server.kill();
