import { connectDevice, serve, TransportRegistry } from '@vfio-user/core';
import { counter } from '@vfio-user/devices';
import { memoryTransport } from '@vfio-user/transport-memory';
import t from 'tap';
import { startRelay } from '../../src/index.js';

t.test('a relay reads again when all who held it have released it', async (t) => {
  const registry = new TransportRegistry([memoryTransport()]);
  const options = counter.options.parse({});
  const server = await serve({ definition: counter, options, registry, listen: 'memory:far' });
  t.teardown(() => server.close());
  const relay = await startRelay({
    registry,
    listen: 'memory:near',
    connect: 'memory:far',
    observe: () => ({ onFrame() {}, onEnd() {} }),
  });
  t.teardown(() => relay.close());
  const client = await connectDevice(relay.uri, { registry });
  t.teardown(() => client.close());

  const [one, two] = [{}, {}];
  relay.hold(one);
  relay.hold(two);
  let answered = false;
  const read = client.regionRead(0, 0, 4).then(() => {
    answered = true;
  });
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  };
  await turns();
  relay.release(one);
  await turns();
  t.equal(answered, false);
  relay.release(two);
  await read;
});
