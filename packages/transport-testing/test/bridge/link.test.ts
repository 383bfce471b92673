import { Command, errno, Irq, Region, RemoteError } from '@vfio-user/core';
import type { Peer } from '@vfio-user/core/internal';
import { benchRegisters as register } from '@vfio-user/devices';
import t from 'tap';
import { Counts } from '../../src/compliance/session/interrupts.js';
import { bytesIn, mapGuest } from '../../src/compliance/session/test-device-session.js';
import { BridgeFixture, eventually, PORTABLE, VECTORS } from './bridge-fixture.js';
import { refusal } from './scripted-device.js';
import { TestClock } from './test-clock.js';

const BASE = 0x1000_0000;
const PAGE = 4096;
const ALL_ONES = 0xffff_ffff;

const map = (address: number) => ({ address, size: PAGE });
const say = { region: 0, offset: 0, count: 4, data: new Uint8Array(4) };

t.test('a client is told that the device cannot be reached, and where it should be', async (t) => {
  for (const near of [PORTABLE, undefined] as const) {
    const fixture = await BridgeFixture.open(t, near && { near });
    const error = await fixture.connect().catch((cause) => cause);
    t.ok(error instanceof RemoteError);
    t.equal(error.errno, errno.ENODEV);
    if (near !== undefined) t.match(error.message, fixture.deviceUri, 'where there is room for it');
    await fixture.serveBench();
    const driver = await fixture.drive();
    t.equal(await driver.read32(register.ID), register.ID_VALUE, 'the next client may have luck');
  }
});

t.test('a device that says nothing cannot be reached either, and is left alone', async (t) => {
  const clock = new TestClock(t);
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script(() => true);
  t.equal(await clock.until(refusal(fixture.connect())), errno.ETIMEDOUT);
  await device.until(() => device.peer.closed, 'the end of the connection');
  t.equal(device.peers.length, 1, 'it is not tried again');
});

t.test('however long answers may take, an attempt to connect has an end', async (t) => {
  const clock = new TestClock(t);
  const fixture = await BridgeFixture.open(t, { answerTimeoutMs: 3_600_000 });
  await fixture.script(() => true);
  const begin = performance.now();
  const connected = fixture.connect({ timeoutMs: 0, silenceMs: 0 });
  t.equal(await clock.until(refusal(connected)), errno.ETIMEDOUT);
  t.ok(performance.now() - begin < 12_000, `refused after ${performance.now() - begin} ms`);
});

t.test('a device that turns the client away is quoted', async (t) => {
  const fixture = await BridgeFixture.open(t, { near: PORTABLE });
  await fixture.serveBench({ busyTimeoutMs: 1 });
  await fixture.connect();
  const error = await fixture.connect().catch((cause) => cause);
  t.match(error, { errno: errno.EBUSY, message: /serves another client/ });
});

t.test('while the device is gone its client gets the answers of an empty slot', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const server = await fixture.serveBench();
  const driver = await fixture.drive();
  const { client } = driver;
  const memory = await mapGuest(client, { address: BASE, length: PAGE, share: true });
  await server.close();
  t.equal(await driver.read32(register.ID), ALL_ONES);
  t.same(await client.regionRead(Region.CONFIG, 0, 2), new Uint8Array([0xff, 0xff]));
  t.same(await client.regionRead(Region.CONFIG, 0, 0), new Uint8Array(0));
  await driver.write32(register.SCRATCH, 5);
  t.equal(driver.post32(register.SCRATCH, 6), true);
  const writes = [{ ...say, data: new Uint8Array(4) }];
  t.match(await client.call(Command.REGION_WRITE_MULTI, { writes }, (body) => body), { count: 1 });
  await client.reset();
  await client.enableInterrupts(Irq.MSIX, VECTORS, () => {});
  await client.disableInterrupts(Irq.MSIX);
  await client.dmaUnmap(BASE, PAGE);
  await client.dmaMap({ address: BASE, memory });
  t.equal(await refusal(client.irqInfo(Irq.MSIX)), errno.ENODEV, 'only the device knows');
  const huge = { region: Region.BAR0, offset: 0, count: 0xffff_ffff };
  const refused = client.call(Command.REGION_READ, huge, () => undefined);
  t.equal(await refusal(refused), errno.EINVAL, 'no more than a message carries');
});

t.test('what a device leaves unanswered is answered in time, and costs nothing else', async (t) => {
  const clock = new TestClock(t);
  for (const far of [undefined, ''] as const) {
    const fixture = await BridgeFixture.open(t, far === undefined ? {} : { far });
    const unanswered: (() => void)[] = [];
    let answers = false;
    const device = await fixture.script((request, peer) => {
      if (answers || request.command < Command.REGION_READ) return false;
      if (request.command === Command.REGION_READ) {
        const { command, id, body } = request;
        const data = new Uint8Array(body.count).fill(7);
        unanswered.push(() => peer.reply(command, id, { ...body, data }));
      }
      return true;
    });
    const client = await fixture.connect();
    const asked = Promise.all([
      client.regionRead(Region.BAR0, 0, 4),
      client.regionWrite(Region.BAR0, 0, new Uint8Array(4)),
      client.reset(),
      // They wait behind the first in the control queue, but no longer than it.
      client.disableInterrupts(Irq.MSIX),
      client.dmaMap({ address: BASE, memory: client.allocateMemory(PAGE) }),
    ]);
    const [read] = await clock.until(asked);
    t.same(read, new Uint8Array(4).fill(0xff));
    answers = true;
    for (const answer of unanswered) answer();
    t.same(await client.regionRead(Region.BAR0, 0, 4), new Uint8Array(4), 'its own answer');
    t.equal(device.peers.length, 1, 'the link is the same');
    t.equal(device.bodies(Command.DMA_MAP).length, 1, 'what the client was told is true');
  }
});

t.test('what only a slow device knows is refused, and it stays', async (t) => {
  const clock = new TestClock(t);
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script(({ command }) => command === Command.DEVICE_GET_IRQ_INFO);
  const client = await fixture.connect();
  t.equal(await clock.until(refusal(client.irqInfo(Irq.MSIX))), errno.ETIMEDOUT);
  t.equal(device.peer.closed, false);
});

/** By the first the bridge notices its own time limit first, by the other, as 96.1 + 4000 is rounded, that of its connection. */
for (const start of [100, 96.1]) {
  t.test(
    `a device that refuses what its client was told has to start afresh, at ${start}`,
    async (t) => {
      const clock = new TestClock(t, start);
      const fixture = await BridgeFixture.open(t);
      let refuse: (() => void) | undefined;
      const device = await fixture.script(({ command, id }, peer) => {
        if (command !== Command.DMA_MAP || refuse !== undefined) return false;
        refuse = () => peer.replyError(command, id, false, new Error('no'));
        return true;
      });
      const client = await fixture.connect();
      const mapped = client.dmaMap({ address: BASE, memory: client.allocateMemory(PAGE) });
      await device.until(() => refuse !== undefined, 'the mapping');
      await clock.until(mapped);
      refuse?.();
      await clock.until(device.until(() => device.peers.length === 2, 'a new link'));
      await device.until(() => device.bodies(Command.DMA_MAP).length === 2, 'the mapping, again');
      t.equal(device.peers[0]!.closed, true);
    },
  );
}

t.test('a link on which nothing moves is lost after its own time', async (t) => {
  // Natively, a device that answers nothing cannot be told from one that is gone.
  const clock = new TestClock(t);
  const timeouts = { answerTimeoutMs: 1000, linkTimeoutMs: 4500 };
  const fixture = await BridgeFixture.open(t, { ...timeouts, far: '' });
  const device = await fixture.script(({ command }) => command === Command.REGION_READ);
  const client = await fixture.connect();
  const read = clock.until(client.regionRead(Region.BAR0, 0, 1));
  t.same(await read, new Uint8Array([0xff]));
  t.equal(device.peer.closed, false, 'one answer that is missing is not enough');
  const lost = device.until(() => device.peers[0]!.closed, 'the end of the link');
  await clock.until(lost);
});

t.test('a link that is asked for signs of life and gives some is not lost', async (t) => {
  const clock = new TestClock(t);
  const timeouts = { answerTimeoutMs: 1000, linkTimeoutMs: 4500 };
  const fixture = await BridgeFixture.open(t, timeouts);
  const device = await fixture.script(({ command }) => command === Command.REGION_READ);
  const client = await fixture.connect();
  for (let read = 0; read < 20; read++) {
    const bytes = clock.until(client.regionRead(Region.BAR0, 0, 1));
    t.same(await bytes, new Uint8Array([0xff]));
  }
  t.equal(device.bodies(Command.REGION_READ).length, 20, 'the device is asked each time');
  t.equal(device.peers[0]!.closed, false);
});

t.test('a device that is back is told what it must know, and works', async (t) => {
  for (const far of [undefined, ''] as const) {
    const fixture = await BridgeFixture.open(t, far === undefined ? {} : { far });
    const first = await fixture.serveBench();
    const driver = await fixture.drive();
    const { client } = driver;
    const counts = await Counts.enable(driver, Irq.MSIX, VECTORS);
    const before = await mapGuest(client, { address: BASE, length: PAGE, share: true });
    await mapGuest(client, { address: BASE + PAGE, length: PAGE, share: true });
    await driver.write32(register.SCRATCH, 77);
    await first.close();
    await client.dmaUnmap(BASE + PAGE, PAGE);
    const range = { address: BASE + 2 * PAGE, length: PAGE, share: false };
    const meanwhile = await mapGuest(client, range);
    const errors = await Counts.enable(driver, Irq.ERR, 1);
    await fixture.serveBench();
    await eventually(async () => (await driver.read32(register.ID)) === register.ID_VALUE);
    t.equal(await driver.read32(register.SCRATCH), 0, 'it was reset');
    const fill = { command: register.DMA_FILL_GUEST, pattern: 0x4242_4242, length: 64 };
    t.equal(await driver.dma({ ...fill, destination: BASE, vector: 5 }), 0);
    await counts.until(() => counts.of[5] === 1, 'an interrupt of before');
    t.equal(await driver.dma({ ...fill, destination: BASE + 2 * PAGE }), 0);
    t.not(
      await driver.dma({ ...fill, destination: BASE + PAGE }),
      0,
      'what was unmapped meanwhile',
    );
    for (const memory of [before, meanwhile]) {
      t.same(bytesIn(memory, 0, 64), new Uint8Array(64).fill(0x42));
    }
    await driver.write32(register.NOTIFY, register.NOTIFY_ERROR);
    await errors.until(() => errors.of[0] === 1, 'an interrupt that was wired up meanwhile');
  }
});

t.test('a device that is back is told thousands of mappings, not all at once', async (t) => {
  const count = 3000;
  const fixture = await BridgeFixture.open(t);
  const first = await fixture.script();
  const client = await fixture.connect();
  const memory = client.allocateMemory(PAGE);
  for (let i = 0; i < count; i++) await client.dmaMap({ address: BASE + 2 * i * PAGE, memory });
  await first.vanish();
  const unanswered: (() => void)[] = [];
  let most = 0;
  const second = await fixture.script((request, peer) => {
    if (request.command !== Command.DMA_MAP) return false;
    const { command, id } = request;
    unanswered.push(() => peer.reply(command, id, undefined));
    most = Math.max(most, unanswered.length);
    if (unanswered.length === 1) {
      setImmediate(() => {
        for (const answer of unanswered.splice(0)) answer();
      });
    }
    return true;
  });
  await second.until(() => second.bodies(Command.DMA_MAP).length === count, 'all of them');
  t.ok(most <= 1024, `at most ${most} at once`);
});

t.test('requests that come while the device is told wait until it is', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const first = await fixture.script();
  const client = await fixture.connect();
  await mapGuest(client, { address: BASE, length: PAGE, share: true });
  await first.vanish();
  let release: () => void = () => {};
  const second = await fixture.script((request, peer) => {
    if (request.command !== Command.DMA_MAP || request.body.address !== BASE) return false;
    const { command, id } = request;
    release = () => peer.reply(command, id, undefined);
    return true;
  });
  await second.until(() => second.bodies(Command.DMA_MAP).length === 1, 'what was mapped before');
  const late = mapGuest(client, { address: BASE + PAGE, length: PAGE, share: true });
  t.equal((await client.regionRead(Region.BAR0, 0, 1))[0], 0xff, 'not back yet');
  t.equal(second.bodies(Command.DMA_MAP).length, 1);
  release();
  await late;
  t.match(second.bodies(Command.DMA_MAP), [map(BASE), map(BASE + PAGE)]);
  t.equal((await client.regionRead(Region.BAR0, 0, 1))[0], 0);
});

t.test('a device that does not take what it must know is tried again, later', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const first = await fixture.script();
  const client = await fixture.connect();
  await mapGuest(client, { address: BASE, length: PAGE, share: true });
  await first.vanish();
  const second = await fixture.script(({ command, id }, peer) => {
    const refuses = command === Command.DMA_MAP && second.peers.length < 3;
    if (refuses) peer.replyError(command, id, false, new Error('not now'));
    return refuses;
  });
  await eventually(async () => (await client.regionRead(Region.BAR0, 0, 1))[0] === 0);
  t.equal(second.peers.length, 3);
  t.same(
    second.peers.map(({ closed }) => closed),
    [true, true, false],
    'one link at a time',
  );
});

const departures = {
  'in order': (peer: Peer) => void peer.close(),
  'with what is no frame': (peer: Peer) => void peer.connection.send(new Uint8Array(64).fill(255)),
};

for (const [how, leave] of Object.entries(departures)) {
  t.test(`a device that answers VERSION and leaves at once, ${how}, is tried again`, async (t) => {
    const fixture = await BridgeFixture.open(t);
    let leavesAt = 0;
    const device = await fixture.script(({ command }, peer) => {
      const leaves = command === Command.VERSION && device.peers.length === leavesAt;
      if (leaves) queueMicrotask(() => leave(peer));
      return false;
    });
    const client = await fixture.connect();
    leavesAt = 2;
    device.peer.abort(new Error('the device vanishes'));
    await eventually(async () => (await client.regionRead(Region.BAR0, 0, 1))[0] === 0);
    t.equal(device.peers.length, 3);
    leavesAt = 4;
    t.equal(await refusal(fixture.connect()), errno.ECONNRESET, 'a new client is turned away');
  });
}

t.test('a device that turns the bridge away is tried again, one attempt at a time', async (t) => {
  const clock = new TestClock(t);
  const fixture = await BridgeFixture.open(t);
  const first = await fixture.script();
  const client = await fixture.connect();
  await first.vanish();
  const second = await fixture.script(({ command, id }, peer) => {
    const refuses = command === Command.VERSION && second.peers.length < 3;
    if (refuses) peer.replyError(command, id, false, new Error('not now'));
    return refuses;
  });
  await clock.pass(30_000);
  t.equal((await client.regionRead(Region.BAR0, 0, 1))[0], 0);
  t.same(
    second.peers.map(({ closed }) => closed),
    [true, true, false],
  );
});

t.test('a client that leaves takes its link to the device along', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script();
  const orderly = await fixture.connect();
  await orderly.close();
  await device.until(() => device.peer.closed, 'the end of the first link');
  const abrupt = await fixture.connect();
  abrupt.connection.abort(new Error('the client vanishes'));
  await device.until(() => device.peers.length === 2 && device.peer.closed, 'and of the second');
  await eventually(() => fixture.bridge.statistics().clients === 0);
  t.equal(fixture.transport.openHandles, 0);
});

t.test(
  'a client that leaves while its device is being reached leaves nothing behind',
  async (t) => {
    const fixture = await BridgeFixture.open(t, { answerTimeoutMs: 60_000 });
    const device = await fixture.script(({ command }) => command === Command.VERSION);
    const { connection } = await fixture.ask();
    await device.until(() => device.requests.length === 1, 'VERSION');
    connection.abort(new Error('the client vanishes'));
    await device.until(() => device.peer.closed, 'the end of the link');
    await eventually(() => fixture.bridge.statistics().clients === 0);
    t.equal(device.peers.length, 1);
  },
);

t.test('connections that say nothing cost no link, and keep nobody out', async (t) => {
  const limits = { maxSilentConnections: 3 };
  const fixture = await BridgeFixture.open(t, { limits, maxClients: 2 });
  const device = await fixture.script();
  const closes: (Error | undefined)[] = [];
  const sink = { onFrame() {}, onDrain() {}, onClose: (error?: Error) => closes.push(error) };
  for (let i = 0; i < 100; i++) await fixture.connectRaw(sink);
  await eventually(() => closes.length === 97);
  t.match(fixture.bridge.statistics(), { clients: 0, silentConnections: 3 });
  t.equal(device.peers.length, 0);
  const client = await fixture.connect();
  await client.regionRead(Region.BAR0, 0, 1);
  t.equal(device.peers.length, 1);
});

t.test('a bridge joins so many clients and no more; the next may wait for a place', async (t) => {
  const limits = { busyTimeoutMs: 60_000, maxWaitingClients: 1 };
  const fixture = await BridgeFixture.open(t, { limits, maxClients: 2, near: PORTABLE });
  await fixture.script();
  const clients = [await fixture.connect(), await fixture.connect()];
  const third = fixture.connect();
  await eventually(() => fixture.bridge.statistics().clientsWaiting === 1);
  const fourth = await fixture.connect().catch((cause) => cause);
  t.match(fourth, { errno: errno.EBUSY, message: /the bridge serves 2 clients/ });
  await clients[0]!.close();
  await (await third).regionRead(Region.BAR0, 0, 1);
});

t.test('a client that waits for its device and goes is noticed at once', async (t) => {
  const fixture = await BridgeFixture.open(t, { answerTimeoutMs: 60_000 });
  const device = await fixture.script(({ command }) => command === Command.VERSION);
  for (const leave of ['close', 'abort'] as const) {
    const { connection } = await fixture.ask();
    await eventually(() => fixture.bridge.statistics().clients === 1);
    if (leave === 'close') void connection.close();
    else connection.abort(new Error('the client vanishes'));
    await eventually(() => fixture.bridge.statistics().clients === 0);
  }
  t.ok(device.peers.every(({ closed }) => closed));
});

t.test('a client that leaves while the device is gone ends the attempts to reach it', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const first = await fixture.script();
  const client = await fixture.connect();
  await first.vanish();
  await client.close();
  await eventually(() => fixture.bridge.statistics().clients === 0);
  const second = await fixture.script();
  await fixture.connect();
  t.equal(second.peers.length, 1, 'the link of the next client');
});

t.test('each client has a link of its own', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script((request, peer) => {
    if (request.command !== Command.REGION_READ) return false;
    const data = new Uint8Array(request.body.count).fill(device.peers.indexOf(peer) + 1);
    peer.reply(request.command, request.id, { ...request.body, data });
    return true;
  });
  const clients = [await fixture.connect(), await fixture.connect(), await fixture.connect()];
  t.equal(fixture.bridge.statistics().clients, 3);
  const reads = await Promise.all(clients.map((client) => client.regionRead(Region.BAR0, 0, 1)));
  t.same(
    reads.map((bytes) => bytes[0]),
    [1, 2, 3],
  );
  await clients[1]!.close();
  await device.until(() => device.peers[1]!.closed, 'the end of its link');
  t.equal(fixture.bridge.statistics().clients, 2);
  t.same(
    device.peers.map(({ closed }) => closed),
    [false, true, false],
  );
  t.same(await clients[2]!.regionRead(Region.BAR0, 0, 1), new Uint8Array([3]));
});

t.test('a bridge that closes ends its clients and its links', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script();
  const clients = [await fixture.connect(), await fixture.connect()];
  await mapGuest(clients[0]!, { address: BASE, length: PAGE, share: true }).then((memory) =>
    t.teardown(() => memory.close()),
  );
  await fixture.bridge.close();
  t.equal(fixture.bridge.statistics().clients, 0);
  await fixture.bridge.close();
  await fixture.bridge.closed;
  for (const client of clients) t.equal(await client.closed, undefined, 'in order');
  await device.until(() => device.peers.every(({ closed }) => closed), 'the end of the links');
  await t.rejects(fixture.connect());
});
