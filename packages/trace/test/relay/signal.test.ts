import { connectDevice, serve, TransportRegistry } from '@vfio-user/core';
import { counter } from '@vfio-user/devices';
import { memoryTransport } from '@vfio-user/transport-memory';
import t, { type Test } from 'tap';
import { type Relay, startRelay } from '../../src/index.js';

const REASON = new Error('not any more');

/** A device at `memory:far`; it ends with the test. */
async function open(t: Test): Promise<TransportRegistry> {
  const registry = new TransportRegistry([memoryTransport()]);
  const options = counter.options.parse({});
  const server = await serve({ definition: counter, options, registry, listen: 'memory:far' });
  t.teardown(() => server.close());
  return registry;
}

function start(registry: TransportRegistry, signal: AbortSignal): Promise<Relay> {
  return startRelay({
    registry,
    listen: 'memory:near',
    connect: 'memory:far',
    maxDataXferSize: 4096,
    observe: () => ({ onFrame() {}, onEnd() {} }),
    signal,
  });
}

t.test('its signal closes the relay, with its clients', async (t) => {
  const registry = await open(t);
  const abort = new AbortController();
  const relay = await start(registry, abort.signal);
  const client = await connectDevice(relay.uri, { registry });
  abort.abort(REASON);
  await relay.closed;
  t.equal(await client.closed, undefined, 'in order');
  const again = await start(registry, new AbortController().signal);
  await again.close();
});

t.test('aborted before or while it starts, it rejects with the reason', async (t) => {
  const registry = await open(t);
  const early = start(registry, AbortSignal.abort(REASON));
  t.equal(await early.catch((error) => error), REASON);
  const abort = new AbortController();
  const under = start(registry, abort.signal);
  abort.abort(REASON);
  t.equal(await under.catch((error) => error), REASON);
  const relay = await start(registry, new AbortController().signal);
  await relay.close();
});
