import { errno, RemoteError } from '@vfio-user/core';
import t from 'tap';
import { inBothModes } from './both-modes.js';
import { Driver, PAGE, type QueuePair, type Result, settle } from './driver.js';

const BLOCK = 512;

function write(driver: Driver, queue: QueuePair, block: number, prp1: number): Promise<Result> {
  return driver.submit(queue, { opcode: 0x01, namespaceId: 1, prp1, dwords: [block, 0, 0] });
}

function read(driver: Driver, queue: QueuePair, block: number, prp1: number): Promise<Result> {
  return driver.submit(queue, { opcode: 0x02, namespaceId: 1, prp1, dwords: [block, 0, 0] });
}

inBothModes('small queues wrap around many times', async (t, driver) => {
  const queue = await driver.queuePair(1, 4);
  const page = driver.pages();
  for (let round = 0; round < 50; round++) {
    driver.bytes(page, BLOCK).fill(round);
    t.equal((await write(driver, queue, round, page)).status, 0);
    const done = await read(driver, queue, round, page);
    t.equal(done.status, 0);
    t.equal(done.queueHead, queue.tail, 'the head follows the tail');
    t.equal(done.queueId, 1);
    t.ok(driver.bytes(page, BLOCK).every((byte) => byte === round));
  }
});

inBothModes('several queues work at the same time', async (t, driver) => {
  const queues = await Promise.all([1, 2, 3].map((id) => driver.queuePair(id, 16)));
  const done: Promise<Result>[] = [];
  for (let round = 0; round < 10; round++) {
    for (const queue of queues) {
      const page = driver.pages();
      driver.bytes(page, BLOCK).fill(queue.id * 10 + round);
      done.push(write(driver, queue, queue.id * 100 + round, page));
    }
  }
  t.ok((await Promise.all(done)).every(({ status }) => status === 0));
  const page = driver.pages();
  for (const queue of queues) {
    for (let round = 0; round < 10; round++) {
      await read(driver, queue, queue.id * 100 + round, page);
      t.equal(driver.bytes(page, 1)[0], queue.id * 10 + round);
    }
  }
  t.same([...new Set(driver.host.raised)].sort(), [0, 1, 2, 3], 'each queue has its own vector');
});

inBothModes('a busy queue does not starve another', async (t, driver) => {
  const [busy, quiet] = [await driver.queuePair(1, 512), await driver.queuePair(2, 4)];
  const order: number[] = [];
  const page = driver.pages();
  const done: Promise<void>[] = [];
  for (let count = 0; count < 400; count++) {
    const command = { opcode: 0x02, namespaceId: 1, prp1: page, dwords: [0, 0, 0] };
    done.push(driver.place(busy, command).then(() => void order.push(1)));
  }
  busy.ring();
  done.push(read(driver, quiet, 0, page).then(() => void order.push(2)));
  await Promise.all(done);
  t.ok(order.indexOf(2) < 100, `came at place ${order.indexOf(2)} of 401`);
});

inBothModes('a full completion queue holds commands back', async (t, driver) => {
  const pair = await driver.createPair(1, { entries: 8, completionEntries: 3 });
  for (let id = 0; id < 6; id++) void driver.place(pair, { opcode: 0x00, namespaceId: 1, id });
  pair.ring();
  const phases = async () => {
    await settle();
    const ring = driver.bytes(pair.completionAddress, 48);
    return [14, 30, 46].map((at) => (ring[at] as number) & 1);
  };
  t.strictSame(await phases(), [1, 1, 0], 'two of three entries are used');
  driver.write32(0x100c, 1);
  t.strictSame(await phases(), [1, 1, 1], 'one more after one was acknowledged');
  driver.write32(0x100c, 0);
  t.strictSame(await phases(), [0, 0, 1], 'the next ones carry the other phase');
});

inBothModes('two submission queues may share a completion queue', async (t, driver) => {
  const first = await driver.queuePair(1, 16);
  const base = driver.pages();
  const create = { opcode: 0x01, prp1: base, dwords: [2 | (15 << 16), 1 | (1 << 16)] };
  t.equal((await driver.execute(create)).status, 0);
  const second = driver.pair(2, {
    submission: base,
    completion: first.completionAddress,
    entries: 16,
  });
  const done = first.ended(0x500);
  void driver.submit(second, { opcode: 0x00, namespaceId: 1, id: 0x500 });
  t.equal((await done).queueId, 2);
  t.equal((await driver.execute({ opcode: 0x04, dwords: [1] })).status, 0x10c, 'still used');
});

inBothModes(
  'INTx stays up while completions are unacknowledged and unmasked',
  async (t, driver) => {
    driver.host.useInterrupts('intx');
    driver.isReaping = false;
    const done = driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] });
    await settle();
    t.ok(driver.host.intx, 'asserted');
    driver.write32(0x0c, 1);
    t.notOk(driver.host.intx, 'masked by INTMS');
    t.equal(driver.read32(0x0c), 1);
    driver.write32(0x10, 1);
    t.ok(driver.host.intx, 'unmasked by INTMC');
    driver.reap();
    t.notOk(driver.host.intx, 'acknowledged by the doorbell');
    t.equal((await done).status, 0);
    t.strictSame(driver.host.raised, [], 'no message was sent');
    const bad = { opcode: 0x05, prp1: driver.pages(), dwords: [1 | (7 << 16), 3 | (1 << 16)] };
    driver.isReaping = true;
    t.equal((await driver.execute(bad)).status, 0x108, 'there is only vector 0');
  },
);

t.test('one interrupt tells of a batch', async (t) => {
  const driver = await Driver.create('mapped');
  driver.enable();
  const queue = await driver.queuePair(1, 64);
  driver.host.raised.length = 0;
  const page = driver.pages();
  const done = Array.from({ length: 32 }, () =>
    driver.place(queue, { opcode: 0x02, namespaceId: 1, prp1: page, dwords: [0, 0, 0] }),
  );
  queue.ring();
  await Promise.all(done);
  t.strictSame(driver.host.raised, [1]);
});

t.test('a queue without interrupts raises none', async (t) => {
  const driver = await Driver.create('mapped');
  driver.enable();
  const pair = await driver.createPair(1, { vector: undefined });
  driver.host.raised.length = 0;
  void driver.submit(pair, { opcode: 0x00, namespaceId: 1 });
  await settle();
  t.equal((driver.bytes(pair.completionAddress, 16)[14] as number) & 1, 1, 'completed');
  t.strictSame(driver.host.raised, []);
});

t.test('register accesses are answered between turns of a long queue', async (t) => {
  const driver = await Driver.create('mapped', { size: '64M' });
  driver.enable();
  const queue = await driver.queuePair(1, 1024);
  const list = driver.pages();
  const data = driver.pages(128);
  const entries = new BigUint64Array(128);
  for (let index = 0; index < 127; index++) entries[index] = BigInt(data + (index + 1) * PAGE);
  driver.bytes(list, PAGE).set(new Uint8Array(entries.buffer, 0, 1016));
  let ended = 0;
  for (let count = 0; count < 500; count++) {
    const command = { opcode: 0x02, namespaceId: 1, prp1: data, prp2: list, dwords: [0, 0, 1023] };
    void driver.place(queue, command).then(() => ended++);
  }
  queue.ring();
  await settle(1);
  t.ok(ended > 0 && ended < 100, `${ended} commands in the first turn`);
});

t.test('commands under way do not complete after a reset', async (t) => {
  const driver = await Driver.create('messages');
  driver.enable();
  let queue = await driver.queuePair(1, 16);
  const page = driver.pages();
  driver.bytes(page, BLOCK).fill(0xaa);
  t.equal((await write(driver, queue, 5, page)).status, 0);
  driver.bytes(page, BLOCK).fill(0xbb);

  for (const stage of [1, 2]) {
    driver.host.messages.hold = () => true;
    void write(driver, queue, 5, page);
    await settle(2);
    for (let step = 1; step < stage; step++) {
      driver.host.messages.answer();
      await settle(2);
    }
    t.ok(driver.host.messages.underWay > 0, `stage ${stage}: a message is under way`);
    driver.disable();
    driver.host.raised.length = 0;
    driver.host.messages.release();
    await settle();
    t.strictSame(driver.host.raised, [], 'no interrupt after the reset');
    driver.enable();
    const fresh = await driver.queuePair(1, 16);
    t.equal((await read(driver, fresh, 5, driver.pages())).status, 0);
    const target = driver.pages();
    await read(driver, fresh, 5, target);
    t.equal(driver.bytes(target, 1)[0], 0xaa, 'the write of the earlier life has not happened');
    queue = fresh;
  }
});

t.test('a command fetched for an earlier life of the controller does not run', async (t) => {
  const driver = await Driver.create('messages');
  driver.enable();
  const queue = await driver.queuePair(1, 16);
  const data = driver.pages();
  driver.bytes(data, BLOCK).fill(0xcc);
  // The data is at hand, only the queue takes a message.
  const page = driver.bytes(data, PAGE);
  driver.host.unmap(data, PAGE);
  driver.host.map(data, page, { by: 'shared' });
  driver.host.messages.hold = () => true;
  void write(driver, queue, 0, data);
  await settle(2);
  driver.disable();
  driver.host.messages.release();
  await settle();
  driver.enable();
  const target = driver.pages();
  await read(driver, await driver.queuePair(1, 16), 0, target);
  t.equal(driver.bytes(target, 1)[0], 0);
});

t.test('losing the client in the middle of everything is survived', async (t) => {
  const driver = await Driver.create('messages');
  driver.enable();
  const queue = await driver.queuePair(1, 64);
  driver.host.messages.hold = () => true;
  for (let block = 0; block < 20; block++) void write(driver, queue, block, driver.pages());
  await settle(2);
  driver.host.unmapAll();
  driver.host.messages.release();
  await settle();
  t.equal(driver.read32(0x1c) & 2, 2, 'a fatal status');
  driver.device.reset('connection-lost');
  await settle();
  t.equal(driver.read32(0x1c), 0);
});

for (const mode of ['messages', 'posted'] as const) {
  t.test(`a write that the client refuses is a fatal status (${mode})`, async (t) => {
    const driver = await Driver.create(mode);
    driver.enable();
    const queue = await driver.queuePair(1, 16);
    // The entry is pushed or read first.
    driver.host.messages.hold = () => true;
    void read(driver, queue, 0, driver.pages());
    await settle(2);
    driver.host.messages.release();
    driver.host.messages.failNext(new RemoteError('refused', errno.EFAULT));
    await settle();
    t.equal(driver.read32(0x1c) & 2, 2);
    driver.disable();
    t.equal(driver.enable(), 1, 'until it is reset');
  });
}

t.test(
  'a driver that was not told of a reset finds a fatal status, and starts again',
  async (t) => {
    const driver = await Driver.create('messages');
    driver.enable();
    const queue = await driver.queuePair(1, 64);
    driver.device.reset('connection-lost');
    driver.device.clientReturned?.();
    t.equal(driver.read32(0x1c), 2);
    void write(driver, queue, 0, driver.pages());
    await settle();
    t.equal(driver.read32(0x1c), 2, 'a doorbell changes nothing');
    t.equal(driver.enable(), 1, 'ready, and nothing else');
  },
);

t.test('deleting a queue waits for its commands', async (t) => {
  const driver = await Driver.create('messages');
  driver.enable();
  const queue = await driver.queuePair(1, 16);
  const data = driver.pages();
  let wasWritten = false;
  driver.host.messages.hold = (address) => address === data;
  void write(driver, queue, 0, data).then(() => {
    wasWritten = true;
  });
  await settle();
  let isDeleted = false;
  const deletion = driver.execute({ opcode: 0x00, dwords: [1] }).then(({ status }) => {
    isDeleted = true;
    return status;
  });
  await settle();
  t.notOk(isDeleted, 'the command is still under way');
  driver.host.messages.release();
  t.equal(await deletion, 0);
  t.ok(wasWritten, 'it completed before');
});

t.test('a doorbell of a controller that is off does nothing', async (t) => {
  const driver = await Driver.create('mapped');
  driver.write32(0x1000, 5);
  driver.write32(0x1ffc, 5);
  await settle();
  t.equal(driver.read32(0x1c), 0);
  t.equal(driver.enable(), 1);
  t.equal((await driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] })).status, 0);
});
