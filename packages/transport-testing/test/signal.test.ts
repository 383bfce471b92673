import { setImmediate } from 'node:timers/promises';
import { connectDevice, serve, startBridge, TransportRegistry } from '@vfio-user/core';
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
