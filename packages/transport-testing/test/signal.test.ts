import { setImmediate } from 'node:timers/promises';
import {
  connectDevice,
  type PciDevice,
  type PciDeviceDefinition,
  serve,
  silentLogger,
  startBridge,
  TransportRegistry,
} from '@vfio-user/core';
import { deferred } from '@vfio-user/core/internal';
import { bench } from '@vfio-user/devices';
import { memoryTransport } from '@vfio-user/transport-memory';
import t from 'tap';
import { ScriptedDevice } from './bridge/scripted-device.js';

const REASON = new Error('not any more');

/** Ways to start something that listens until it is closed. */
const starts = {
  serve: (registry: TransportRegistry, signal: AbortSignal) =>
    serve({
      definition: bench,
      options: { memory: 2 ** 20, vectors: 1 },
      registry,
      listen: 'memory:near',
      signal,
    }),
  startBridge: (registry: TransportRegistry, signal: AbortSignal) =>
    startBridge({ registry, listen: 'memory:near', connect: 'memory:far', signal }),
};

function open(): TransportRegistry {
  return new TransportRegistry([memoryTransport()]);
}

for (const [name, start] of Object.entries(starts)) {
  t.test(`${name}: its signal closes what was started, with its clients`, async (t) => {
    const registry = open();
    const device = await ScriptedDevice.listen(registry, 'memory:far');
    t.teardown(() => device.vanish());
    const abort = new AbortController();
    const running = await start(registry, abort.signal);
    const client = await connectDevice(running.uri, { registry });
    abort.abort(REASON);
    await running.closed;
    t.equal(await client.closed, undefined, 'in order');
    const again = await start(registry, new AbortController().signal);
    await again.close();
  });

  t.test(`${name}: aborted before or while it starts, it rejects with the reason`, async (t) => {
    const registry = open();
    const early = start(registry, AbortSignal.abort(REASON));
    t.equal(await early.catch((error) => error), REASON);
    const abort = new AbortController();
    const under = start(registry, abort.signal);
    abort.abort(REASON);
    t.equal(await under.catch((error) => error), REASON);
    const running = await start(registry, new AbortController().signal);
    await running.close();
  });
}

t.test('connectDevice: its signal ends the wait for any answer, and the connection', async (t) => {
  for (const answered of [0, 1]) {
    const registry = open();
    const device = await ScriptedDevice.listen(
      registry,
      'memory:far',
      () => device.requests.length > answered,
    );
    t.teardown(() => device.vanish());
    const abort = new AbortController();
    const connecting = connectDevice('memory:far', { registry, signal: abort.signal });
    await device.until(() => device.requests.length > answered, 'a request without an answer');
    abort.abort(REASON);
    t.equal(await connecting.catch((error) => error), REASON);
    await device.until(() => device.peer.closed, 'the end of the connection');
  }
});

t.test('connectDevice: afterwards the signal does nothing', async (t) => {
  const registry = open();
  const server = await starts.serve(registry, new AbortController().signal);
  const abort = new AbortController();
  const client = await connectDevice(server.uri, { registry, signal: abort.signal });
  abort.abort(REASON);
  await setImmediate();
  t.equal((await client.regionRead(0, 0, 4)).length, 4);
  await client.close();
  await server.close();
});

t.test(
  'serve: aborted while the device is created, it rejects, and closes the device',
  async (t) => {
    const registry = open();
    const abort = new AbortController();
    const { promise: created, resolve: create } = deferred<PciDevice>();
    const { promise: closed, resolve: close } = deferred();
    const definition: PciDeviceDefinition<unknown> = { ...bench, create: () => created };
    const options = { definition, options: {}, registry, listen: 'memory:near' };
    const starting = serve({ ...options, signal: abort.signal });
    abort.abort(REASON);
    t.equal(await starting.catch((error) => error), REASON);
    create({ identity: { vendorId: 1, deviceId: 1, classCode: 0 }, reset() {}, close });
    await closed;
  },
);

t.test('a server ends also if its device cannot be closed', async (t) => {
  const transport = memoryTransport();
  const registry = new TransportRegistry([transport]);
  const failure = new Error('it is stuck');
  const logged: unknown[] = [];
  const logger = { ...silentLogger, error: (fields: object) => void logged.push(fields) };
  const definition: PciDeviceDefinition<unknown> = {
    ...bench,
    create(host) {
      host.allocateDeviceMemory('registers', 4096);
      const close = () => Promise.reject(failure);
      return { identity: { vendorId: 1, deviceId: 1, classCode: 0 }, reset() {}, close };
    },
  };
  const start = (signal?: AbortSignal) =>
    serve({
      definition,
      options: {},
      registry,
      listen: 'memory:near',
      logger: { ...logger, child: () => logger },
      ...(signal && { signal }),
    });
  const server = await start();
  const clients = server.clients();
  t.equal(await server.close().catch((error) => error), failure);
  await server.closed;
  t.match(await clients.next(), { done: true });
  t.equal(transport.openHandles, 0);

  const abort = new AbortController();
  const aborted = await start(abort.signal);
  abort.abort(REASON);
  await aborted.closed;
  t.equal(await start(AbortSignal.abort(REASON)).catch((error) => error), REASON);
  const other = await start();
  await t.rejects(start(), /somebody listens there already/);
  await t.rejects(other.close());
  t.equal(transport.openHandles, 0);
  t.strictSame(
    logged.map((fields) => (fields as { err?: unknown }).err),
    [failure, failure, failure, failure],
    'nobody waits for some of them',
  );
});
