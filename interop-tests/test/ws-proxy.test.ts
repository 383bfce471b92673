// Devices behind an HTTP reverse proxy, here nginx: a WebSocket session passes it, and survives its idle time.

import { randomFillSync } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { connectDevice, TransportRegistry } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import { tcpTransport } from '@vfio-user/transport-tcp';
import t from 'tap';
import { serveDevice } from '../src/device-server.js';
import { ReverseProxy } from '../src/reverse-proxy.js';
import { prepareGuest } from '../src/setup.js';

const IDLE_SECONDS = 5;
/** Asks for signs of life well within the proxy's idle time: three come while this passes. */
const SILENCE_MS = 6000;
const BASE = 0x1_0000_0000;
const DMA_BYTES = 8 * 2 ** 20;

t.test('a session goes through nginx', async (t) => {
  const files = await prepareGuest();
  const routes: Record<string, string> = {};
  const logs: Record<string, readonly string[]> = {};
  for (const path of ['/dev', '/other']) {
    const server = await serveDevice('bench', 'ws://127.0.0.1:0/dev');
    t.teardown(() => server.stop());
    logs[path] = server.log;
    routes[path] = server.address.replace('ws:', 'http:');
  }
  const proxy = await ReverseProxy.start(files, { routes, idleSeconds: IDLE_SECONDS });
  t.teardown(() => proxy.stop());
  const registry = new TransportRegistry([tcpTransport()]);
  const uri = `ws://127.0.0.1:${proxy.port}`;

  const client = await connectDevice(`${uri}/dev`, { registry, silenceMs: SILENCE_MS });
  t.teardown(() => client.close());
  const driver = await TestDeviceDriver.withInterrupt(client);

  await t.test('registers are read and written', async (t) => {
    t.equal(await driver.read32(register.ID), register.ID_VALUE);
    await driver.write32(register.SCRATCH, 0x1234_5678);
    t.equal(await driver.read32(register.SCRATCH), 0x1234_5678);
  });

  await t.test('8 MiB go both ways by DMA, each ending with an interrupt', async (t) => {
    const memory = client.allocateMemory(2 * DMA_BYTES);
    await client.dmaMap({ address: BASE, memory });
    const data = randomFillSync(new Uint8Array(DMA_BYTES));
    memory.write(0, data);
    const begin = performance.now();
    t.equal(
      await driver.dma({ command: register.DMA_CHECKSUM_GUEST, source: BASE, length: DMA_BYTES }),
      0,
    );
    const readMs = performance.now() - begin;
    t.equal(await driver.read32(register.DMA_CHECKSUM), crc32(data), 'the device has read it all');
    const copied = { source: BASE, destination: BASE + DMA_BYTES, length: DMA_BYTES };
    t.equal(await driver.dma({ command: register.DMA_COPY_GUEST, ...copied }), 0);
    const copy = new Uint8Array(DMA_BYTES);
    memory.read(DMA_BYTES, copy);
    t.equal(crc32(copy), crc32(data), 'and written it back');
    t.comment(`8 MiB read by the device in ${readMs.toFixed(0)} ms`);
  });

  await t.test('signs of life keep an idle session from being given up', async (t) => {
    const begin = performance.now();
    // Asks for none, and the server by itself sends too few for this proxy. A session that survives has more of them.
    const options = { registry, silenceMs: 0, timeoutMs: 60_000, resumes: false };
    const quiet = await connectDevice(`${uri}/other`, options);
    await quiet.closed;
    const seconds = (performance.now() - begin) / 1000;
    t.ok(seconds > IDLE_SECONDS - 0.1, `nginx gives one without them up: ${seconds.toFixed(1)} s`);
    t.equal(await driver.read32(register.SCRATCH), 0x1234_5678, 'the one with them works');
    t.notMatch(logs['/dev']?.join('\n'), 'the link is lost', 'over its first connection');
  });
});
