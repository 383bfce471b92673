import {
  connectDevice,
  serve,
  startBridge,
  type Transport,
  TransportRegistry,
} from '@vfio-user/core';
import { bench, benchRegisters as register } from '@vfio-user/devices';
import { TestDeviceDriver } from '@vfio-user/drivers';
import { memoryTransport } from '@vfio-user/transport-memory';
import t, { type Test } from 'tap';
import { BreakableTransport } from '../../src/faults/breakable-transport.js';
import { PORTABLE } from './bridge-fixture.js';
import { TestClock } from './test-clock.js';

const ANSWER_MS = 4_000;
/** More than the device takes without an acknowledgement. */
const WRITES = 6_000;
const ALL_ONES = 0xffff_ffff;
/** More than there are ids of requests. */
const ENDLESS_WRITES = 100_000;

/** For a bridge of which only the links to its device break. */
function breakableFar(transport: Transport): { links: BreakableTransport; both: Transport } {
  const links = new BreakableTransport(transport);
  const { schemes, queryKeys } = transport;
  const both: Transport = {
    schemes,
    queryKeys,
    encodingFor: (uri) => links.encodingFor(uri),
    connect: (uri, accept, context) => links.connect(uri, accept, context),
    listen: (uri, accept, context) => transport.listen(uri, accept, context),
  };
  return { links, both };
}

async function open(t: Test) {
  const clock = new TestClock(t);
  const transport = memoryTransport({ orderedNotifications: false, maxDescriptors: 16 });
  const registry = new TransportRegistry([transport]);
  const { links, both } = breakableFar(transport);
  const connect = `memory:device${PORTABLE}`;
  const options = { memory: 2 ** 20, vectors: 1 };
  const server = await serve({ definition: bench, options, registry, listen: connect });
  const bridge = await startBridge({
    registry: new TransportRegistry([both]),
    listen: 'memory:bridge',
    connect,
    answerTimeoutMs: ANSWER_MS,
  });
  const client = await connectDevice(bridge.uri, { registry, timeoutMs: 2 * ANSWER_MS });
  t.teardown(async () => {
    links.plug();
    await client.close();
    await bridge.close();
    await server.close();
  });
  return { clock, links, driver: new TestDeviceDriver(client) };
}

t.test('without a link a read gives all ones in time, and the device is not lost', async (t) => {
  const { clock, links, driver } = await open(t);
  await driver.write32(register.SCRATCH, 5);
  links.unplug();
  t.equal(await clock.until(driver.read32(register.SCRATCH)), ALL_ONES);
  await driver.write32(register.SCRATCH, 6);
  links.plug();
  await clock.pass(ANSWER_MS);
  t.equal(await driver.read32(register.SCRATCH), 6);
  t.equal(await driver.read32(register.SCRATCH_WRITES), 2, 'it was not reset');
});

t.test(
  'so does a read behind more writes than the device takes, none of which is missing',
  async (t) => {
    const { clock, links, driver } = await open(t);
    links.unplug();
    for (let i = 1; i <= WRITES; i++) driver.post32(register.SCRATCH, i);
    const begin = performance.now();
    t.equal(await clock.until(driver.read32(register.SCRATCH)), ALL_ONES);
    const ms = performance.now() - begin;
    t.ok(ms < ANSWER_MS + 500, `after ${ms} ms`);
    links.plug();
    await clock.pass(ANSWER_MS);
    t.equal(await driver.read32(register.SCRATCH), WRITES);
    t.equal(await driver.read32(register.SCRATCH_WRITES), WRITES);
  },
);

t.test('a guest that goes on writing is stopped, and none of its writes is missing', async (t) => {
  const { clock, links, driver } = await open(t);
  links.unplug();
  for (let i = 1; i <= ENDLESS_WRITES; i++) driver.post32(register.SCRATCH, i);
  for (let pause = 0; pause < 12; pause++) await clock.pass(ANSWER_MS);
  links.plug();
  let last = 0;
  while (last !== ENDLESS_WRITES) {
    await clock.pass(ANSWER_MS);
    last = await clock.until(driver.read32(register.SCRATCH));
  }
  t.equal(await driver.read32(register.SCRATCH_WRITES), ENDLESS_WRITES);
});
