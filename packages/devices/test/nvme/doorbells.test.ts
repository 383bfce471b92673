import t from 'tap';
import { Driver, settle } from './driver.js';

/** Ring by storing into the page, as a client that has mapped it does. */
function mapDoorbells(driver: Driver): Int32Array {
  const bar = driver.device.bars?.[0];
  if (bar?.mayMap?.({ namesCapabilities: false }) !== true) throw new Error('not mappable');
  const bytes = bar.memory?.bytes as Uint8Array; // what is mappable is memory
  const words = new Int32Array(bytes.buffer, bytes.byteOffset);
  driver.ring = (offset, value) => Atomics.store(words, offset / 4, value);
  return words;
}

for (const doorbells of ['mapped', 'auto'] as const) {
  t.test(`doorbells stored into memory are noticed (${doorbells})`, async (t) => {
    const driver = await Driver.create('mapped', { doorbells });
    t.teardown(() => driver.device.close?.());
    mapDoorbells(driver);
    driver.enable();
    const queue = await driver.queuePair(1, 8);
    const page = driver.pages();
    for (let round = 0; round < 30; round++) {
      const read = { opcode: 0x02, namespaceId: 1, prp1: page, dwords: [0, 0, 0] };
      t.equal((await driver.submit(queue, read)).status, 0);
    }
  });
}

t.test('a doorbell is noticed after a long idle time', async (t) => {
  const driver = await Driver.create('mapped', { doorbells: 'mapped' });
  t.teardown(() => driver.device.close?.());
  mapDoorbells(driver);
  driver.enable();
  t.equal((await driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] })).status, 0);
  // Time passes for the device only.
  const real = performance.now;
  performance.now = () => real.call(performance) + 60_000;
  t.teardown(() => {
    performance.now = real;
  });
  await settle(4);
  const keepAlive = setInterval(() => {}, 1000);
  t.equal((await driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] })).status, 0);
  clearInterval(keepAlive);
});

t.test('messages and stores may alternate', async (t) => {
  const driver = await Driver.create('mapped', { doorbells: 'mapped' });
  t.teardown(() => driver.device.close?.());
  const words = mapDoorbells(driver);
  const store = driver.ring;
  driver.enable();
  for (let round = 0; round < 40; round++) {
    driver.ring = round % 3 === 0 ? store : (offset, value) => driver.write32(offset, value);
    const done = await driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] });
    t.equal(done.status, 0);
  }
  t.equal(driver.read32(0x1000), driver.admin.tail, 'a read gives the last value');
  t.equal(words[0x1000 / 4], driver.admin.tail, 'and so does the memory');
});

t.test('auto stops polling when doorbells come by message', async (t) => {
  const driver = await Driver.create('mapped');
  t.teardown(() => driver.device.close?.());
  t.ok(driver.device.bars?.[0]?.mayMap?.({ namesCapabilities: false }));
  driver.enable();
  t.equal((await driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] })).status, 0);
  const load = Atomics.load;
  let loads = 0;
  Atomics.load = ((...args: Parameters<typeof load>) => {
    loads++;
    return load(...args);
  }) as typeof load;
  await settle();
  Atomics.load = load;
  t.equal(loads, 0, 'the page is left alone');
  driver.disable();
  mapDoorbells(driver);
  driver.enable();
  t.equal(
    (await driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] })).status,
    0,
    'polled again after a reset',
  );
});

t.test('auto lets map and polls only for a client that names no capabilities', async (t) => {
  const driver = await Driver.create('mapped');
  t.teardown(() => driver.device.close?.());
  const mayMap = (namesCapabilities: boolean) =>
    driver.device.bars?.[0]?.mayMap?.({ namesCapabilities });
  t.equal(mayMap(true), false, 'QEMU');
  driver.host.useInterrupts('intx');
  driver.enable();
  t.equal(await loadsOf(() => settle()), 0, 'not even with INTx');
  t.equal(mayMap(false), true, 'SPDK');
  driver.disable();
  driver.enable();
  t.ok((await loadsOf(() => settle())) > 0);
  await driver.device.reset('connection-lost');
  driver.enable();
  t.equal(await loadsOf(() => settle()), 0, 'the next client is asked anew');
});

t.test('trapped and mapped are the same for every client', async (t) => {
  for (const doorbells of ['trapped', 'mapped']) {
    const { device } = await Driver.create('mapped', { doorbells });
    t.teardown(() => device.close?.());
    for (const namesCapabilities of [true, false]) {
      t.equal(device.bars?.[0]?.mayMap?.({ namesCapabilities }), doorbells === 'mapped');
    }
  }
});

/** How often the doorbells are looked at meanwhile. */
async function loadsOf(action: () => Promise<void>): Promise<number> {
  const load = Atomics.load;
  let loads = 0;
  Atomics.load = ((...args: Parameters<typeof load>) => {
    loads++;
    return load(...args);
  }) as typeof load;
  await action();
  Atomics.load = load;
  return loads;
}

t.test('nothing is polled while there is no queue', async (t) => {
  const driver = await Driver.create('mapped', { doorbells: 'mapped' });
  t.teardown(() => driver.device.close?.());
  const words = mapDoorbells(driver);
  driver.enable();
  await driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] });
  driver.disable();
  t.equal(words[0x1000 / 4], 0, 'doorbells are 0 after a reset');
  const load = Atomics.load;
  let loads = 0;
  Atomics.load = ((...args: Parameters<typeof load>) => {
    loads++;
    return load(...args);
  }) as typeof load;
  await settle();
  Atomics.load = load;
  t.equal(loads, 0);
});

t.test('a new queue starts with its doorbells at 0', async (t) => {
  const driver = await Driver.create('mapped', { doorbells: 'mapped' });
  t.teardown(() => driver.device.close?.());
  mapDoorbells(driver);
  driver.enable();
  const page = driver.pages();
  for (let round = 0; round < 3; round++) {
    const queue = await driver.queuePair(1, 8);
    const read = { opcode: 0x02, namespaceId: 1, prp1: page, dwords: [0, 0, 0] };
    for (let count = 0; count < 5; count++) t.equal((await driver.submit(queue, read)).status, 0);
    driver.queues.pop();
    t.equal((await driver.execute({ opcode: 0x00, dwords: [1] })).status, 0);
    t.equal((await driver.execute({ opcode: 0x04, dwords: [1] })).status, 0);
  }
});

t.test('a client that rings without end does not hold up what else there is to do', async (t) => {
  const driver = await Driver.create('mapped', { doorbells: 'mapped' });
  t.teardown(() => driver.device.close?.());
  const words = mapDoorbells(driver);
  driver.enable();
  const { load } = Atomics;
  const adminHead = 0x1004 / 4;
  const restless = (array: Int32Array, index: number): number => {
    if (array.byteOffset + index * 4 === words.byteOffset + adminHead * 4) array[index]! ^= 1;
    return load(array, index);
  };
  Atomics.load = restless as typeof load;
  t.teardown(() => {
    Atomics.load = load;
  });
  await settle();
  t.pass('the event loop had its turns');
});

t.test('commands that are rung for together complete together: one store fence', async (t) => {
  const driver = await Driver.create('mapped', { doorbells: 'mapped' });
  t.teardown(() => driver.device.close?.());
  mapDoorbells(driver);
  driver.enable();
  const queue = await driver.queuePair(1, 16);
  const page = driver.pages();
  const read = { opcode: 0x02, namespaceId: 1, prp1: page, dwords: [0, 0, 7] };
  const { add } = Atomics;
  let fences = 0;
  Atomics.add = ((array: Int32Array, index: number, value: number) => {
    fences++;
    return add(array, index, value);
  }) as typeof add;
  t.teardown(() => {
    Atomics.add = add;
  });
  const results = Array.from({ length: 8 }, () => driver.place(queue, read));
  queue.ring();
  for (const { status } of await Promise.all(results)) t.equal(status, 0);
  t.equal(fences, 1);
});
