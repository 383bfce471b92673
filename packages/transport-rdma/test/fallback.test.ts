import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { connectDevice, Region } from '@vfio-user/core';
import { benchRegisters as register } from '@vfio-user/devices';
import t, { type Test } from 'tap';
import { FakeFabric } from './fake-fabric.js';
import { machine, serveBench, Warnings } from './support.js';

const NOTHING = 'there is no RDMA device: modprobe rdma_rxe';

/** Connect, and see that the device answers. */
async function tryDevice(t: Test, uri: string, fabric: FakeFabric, { setupTimeoutMs = 3000 } = {}) {
  const warnings = new Warnings();
  const registry = machine(fabric, { setupTimeoutMs });
  const client = await connectDevice(uri, { registry, logger: warnings.logger });
  t.teardown(() => client.close());
  const id = await client.regionRead(Region.BAR0, register.ID, 4);
  t.equal(Buffer.from(id).toString('latin1'), 'BENC');
  return { client, warnings };
}

t.test('with adapters on both sides memory is reached by RDMA', async (t) => {
  const { server, fabric, warnings } = await serveBench(t);
  const { client, warnings: ofClient } = await tryDevice(t, server.uri, fabric);
  t.ok(client.connection.capabilities.oneSidedMemory);
  t.equal(client.connection.oneSided?.description, 'RDMA by fake0');
  t.strictSame([warnings.texts, ofClient.texts], [[], []]);
  await client.close();
});

t.test('a client without an adapter uses messages, and says so once', async (t) => {
  const { server, warnings } = await serveBench(t);
  const none = new FakeFabric();
  none.faults.unavailable = NOTHING;
  const { client, warnings: ofClient } = await tryDevice(t, server.uri, none);
  t.notOk(client.connection.capabilities.oneSidedMemory);
  t.equal(ofClient.texts.length, 1);
  t.match(ofClient.texts[0], /^no RDMA, everything goes by messages: there is no RDMA/);
  t.match(warnings.texts, [
    /^no RDMA, a client is served by messages: the other side does not offer it/,
  ]);
  await t.rejects(connectDevice(`${server.uri}?fallback=never`, { registry: machine(none) }), {
    code: 'VFU_UNSUPPORTED',
    message: /there is no RDMA device: modprobe rdma_rxe\. Without fallback=never/,
  });
});

t.test('a server without an adapter serves by messages, and says so once', async (t) => {
  const none = new FakeFabric();
  none.faults.unavailable = NOTHING;
  const { server, warnings } = await serveBench(t, { fabric: none });
  t.match(warnings.texts, [/^no RDMA, clients are served by messages: there is no RDMA device/]);
  const fabric = new FakeFabric();
  const { client } = await tryDevice(t, server.uri, fabric);
  await client.close();
  await t.rejects(connectDevice(`${server.uri}?fallback=never`, { registry: machine(fabric) }), {
    message: /the other side does not offer it/,
  });
  await t.rejects(serveBench(t, { fabric: none, query: '?fallback=never' }), {
    code: 'VFU_UNSUPPORTED',
    message: /there is no RDMA device/,
  });
});

t.test('a server that insists on RDMA turns others away', async (t) => {
  const { server, warnings } = await serveBench(t, { query: '?fallback=never' });
  const none = new FakeFabric();
  none.faults.unavailable = NOTHING;
  const uri = server.uri.replace('?fallback=never', '');
  await t.rejects(connectDevice(uri, { registry: machine(none) }), { code: 'VFU_PEER_CLOSED' });
  t.match(warnings.texts, [/is turned away, as there is no RDMA/]);
  t.ok(server.uri.includes('fallback=never'));
});

t.test(
  'a server that leaves while the queue pair is tried leaves nothing to fall back to',
  async (t) => {
    const { server, fabric } = await serveBench(t, {
      query: '?fallback=never',
      options: { setupTimeoutMs: 50 },
    });
    fabric.faults.black = true;
    const lenient = server.uri.replace('?fallback=never', '');
    for (const uri of [lenient, `${lenient}?fallback=never`]) {
      await t.rejects(connectDevice(uri, { registry: machine(fabric) }), {
        code: 'VFU_PEER_CLOSED',
        message: /^rdma:.*, while RDMA was set up$/,
      });
    }
    t.equal(fabric.devices.size, 0, 'nothing is left open');
  },
);

for (const side of ['client', 'server'] as const) {
  t.test(`an adapter of the ${side} that cannot be used is no obstacle`, async (t) => {
    const broken = new FakeFabric();
    broken.faults.broken = true;
    const sound = new FakeFabric();
    const { server, warnings } = await serveBench(t, {
      fabric: side === 'server' ? broken : sound,
    });
    const { client, warnings: ofClient } = await tryDevice(
      t,
      server.uri,
      side === 'client' ? broken : sound,
    );
    t.notOk(client.connection.capabilities.oneSidedMemory);
    for (const { texts } of [warnings, ofClient]) t.match(texts, [/ibv_open_device failed/]);
    await client.close();
    t.equal(sound.devices.size, 0, 'nothing is left open');
  });
}

t.test('a network that carries TCP and not RDMA is noticed', async (t) => {
  const { server, fabric, warnings } = await serveBench(t);
  fabric.faults.black = true;
  const { client, warnings: ofClient } = await tryDevice(t, server.uri, fabric, {
    setupTimeoutMs: 50,
  });
  t.notOk(client.connection.capabilities.oneSidedMemory);
  t.match(ofClient.texts, [/no message came through the queue pair.*UDP port 4791/]);
  t.match(warnings.texts, [/the client could not use the queue pair/]);
  t.equal(fabric.devices.size, 0, 'nothing is left open');
  await client.close();
});

t.test('who does not get to an offer costs no adapter', async (t) => {
  const { server, fabric, registry } = await serveBench(t);
  const { port } = new URL(server.uri);
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(64, 0xff)]) {
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(bytes);
    socket.on('error', () => {});
    socket.resume();
    await new Promise((resolve) => socket.on('close', resolve));
  }
  t.equal(fabric.devices.size, 0);
  const client = await connectDevice(server.uri, { registry });
  t.ok(client.connection.oneSided);
  await client.close();
});

t.test('queue pairs of clients that say nothing are few, and keep nobody out', async (t) => {
  const options = { maxPending: 2, setupTimeoutMs: 60_000 };
  const { server, fabric, warnings } = await serveBench(t, { options });
  fabric.faults.black = true;
  const abort = new AbortController();
  const registry = machine(fabric, options);
  const silent = [1, 2, 3].map(() =>
    connectDevice(server.uri, { registry, signal: abort.signal }).catch((error) => error),
  );
  t.match(await Promise.race(silent), { code: 'VFU_PEER_CLOSED' });
  t.match(warnings.texts, [/^refused a connection: 2 newer connections/]);
  // Of the other two, the clients have said what they say. The servers wait to hear it.
  const pairs = () => [...fabric.queuePairs.values()];
  while (pairs().length !== 4 || pairs().filter(({ unheard }) => unheard).length !== 2) {
    await setImmediate();
  }
  fabric.faults.black = false;
  const { client } = await tryDevice(t, server.uri, fabric);
  t.ok(client.connection.oneSided);
  abort.abort(new Error('no more'));
  await Promise.all(silent);
  await client.close();
});

t.test('a session survives an adapter that goes away', async (t) => {
  const { server, fabric, warnings } = await serveBench(t);
  const { client, warnings: ofClient } = await tryDevice(t, server.uri, fabric);
  fabric.removeDevices();
  const id = await client.regionRead(Region.BAR0, register.ID, 4);
  t.equal(Buffer.from(id).toString('latin1'), 'BENC');
  for (const { texts } of [warnings, ofClient]) {
    t.match(texts, [/^the link is lost, the session is kept: .*fake0 reports: device fatal/]);
  }
  t.equal(client.connection.oneSided?.description, 'RDMA by fake0');
  await client.close();
  t.equal(fabric.devices.size, 0, 'nothing is left open');
});

t.test('where no session is kept, an adapter that goes away ends it and says so', async (t) => {
  const { server, fabric } = await serveBench(t, { limits: { holdMs: 0 } });
  const { client } = await tryDevice(t, server.uri, fabric);
  fabric.removeDevices();
  const error = await client.closed;
  t.match(error?.message, /the RDMA device fake0 reports: device fatal/);
  const { client: next } = await tryDevice(t, server.uri, fabric);
  await next.close();
});

t.test('a plain tcp: client is served by messages', async (t) => {
  const { server, fabric } = await serveBench(t);
  const { client } = await tryDevice(t, server.uri.replace('rdma:', 'tcp:'), fabric);
  t.notOk(client.connection.capabilities.oneSidedMemory);
  await client.close();
});
