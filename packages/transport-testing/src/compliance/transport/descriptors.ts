import type { Descriptor, MapRequest, SharedMemory, SharedResources } from '@vfio-user/core';
import type { Test } from 'tap';
import type { Suite } from '../suite.js';
import { fillPattern, sequenceOf, testFrame } from '../test-frames.js';
import { Waiter } from '../waiter.js';
import { openPair } from './connected-pair.js';
import type { RecordingEnd } from './recording-end.js';

const PAGE = 4096;
const FRAME_BYTES = 48;

/** Descriptors passed with frames. */
export function descriptorTests(suite: Suite): void {
  suite.test('shared memory is seen by both sides', ['sharedMemory'], async (t) => {
    const { client, server } = await openPair(t, suite);
    const memory = createMemory(t, client, 4 * PAGE);
    send(client, 0, memory.descriptor());
    const [descriptor] = await descriptorsOf(server, 0);
    const request = mapAll(2 * PAGE, BigInt(PAGE));
    const mapping = resourcesOf(server).mapMemory(descriptor!, request);
    t.teardown(() => mapping.close());
    const pattern = new Uint8Array(100);
    fillPattern(pattern, 1);
    memory.write(PAGE + 10, pattern);
    const seen = new Uint8Array(100);
    mapping.read(10, seen);
    t.same(seen, pattern, 'what the owner wrote');
    mapping.view(200, 4)?.set([1, 2, 3, 4]);
    t.same(memory.view(PAGE + 200, 4), new Uint8Array([1, 2, 3, 4]), 'what the peer wrote');
    t.throws(() => mapping.read(2 * PAGE - 3, new Uint8Array(4)), RangeError);
  });

  suite.test('a mapping can be used after its connection', ['sharedMemory'], async (t) => {
    const { client, server } = await openPair(t, suite);
    const memory = createMemory(t, client, PAGE);
    send(client, 0, memory.descriptor());
    const [descriptor] = await descriptorsOf(server, 0);
    const mapping = resourcesOf(server).mapMemory(descriptor!, mapAll(PAGE));
    await client.connection.close();
    await server.ended();
    mapping.write(0, new Uint8Array([42]));
    t.same(memory.view(0, 1), new Uint8Array([42]));
    mapping.close();
    mapping.close();
  });

  suite.test('a view is harmless after its mapping', ['sharedMemory'], async (t) => {
    const { client, server } = await openPair(t, suite);
    const memory = createMemory(t, client, PAGE);
    memory.write(0, new Uint8Array([1, 2, 3]));
    send(client, 0, memory.descriptor());
    const [descriptor] = await descriptorsOf(server, 0);
    const mapping = resourcesOf(server).mapMemory(descriptor!, mapAll(PAGE));
    const view = mapping.view(0, 3);
    t.same(view, new Uint8Array([1, 2, 3]));
    mapping.close();
    t.same([...(view ?? [])], [0, 0, 0], 'it reads zeros');
    view?.set([7, 7, 7]);
    t.same(memory.view(0, 3), new Uint8Array([1, 2, 3]), 'its writes go nowhere');
  });

  suite.test('memory of the transport itself can be sent', ['sharedMemory'], async (t) => {
    const { client, server } = await openPair(t, suite);
    const memory = suite.fixture.transports[0]!.createMemory?.('device-memory', PAGE);
    if (memory === undefined) throw new Error('the transport cannot create memory');
    t.teardown(() => memory.close());
    send(server, 0, memory.descriptor());
    const [descriptor] = await descriptorsOf(client, 0);
    const mapping = resourcesOf(client).mapMemory(descriptor!, mapAll(PAGE));
    memory.write(5, new Uint8Array([5]));
    t.same(mapping.view(5, 1), new Uint8Array([5]));
    mapping.close();
  });

  suite.test('two descriptors of one memory are the same file', ['sharedMemory'], async (t) => {
    const { client, server } = await openPair(t, suite);
    const memory = createMemory(t, client, PAGE);
    const other = createMemory(t, client, PAGE);
    send(client, 0, memory.descriptor());
    send(client, 1, memory.descriptor());
    send(client, 2, other.descriptor());
    await server.arrived(3);
    const [first, again, different] = server.frames.map(({ descriptors }) => descriptors[0]!);
    const resources = resourcesOf(server);
    const mapping = resources.mapMemory(first!, mapAll(PAGE));
    t.equal(resources.sameFile(mapping, again!), true);
    t.equal(resources.sameFile(mapping, different!), false);
    for (const end of [mapping, again!, different!]) end.close();
  });

  suite.test('events signal across, and count', ['fdPassing'], async (t) => {
    for (const direction of ['client to server', 'server to client']) {
      const { client, server } = await openPair(t, suite);
      const [owner, notified] =
        direction === 'client to server' ? [server, client] : [client, server];
      const waiter = new Waiter();
      let total = 0;
      const event = resourcesOf(owner).createEvent((count) => {
        total += count;
        waiter.changed();
      });
      send(owner, 0, event.descriptor());
      const [descriptor] = await descriptorsOf(notified, 0);
      const notifier = resourcesOf(notified).notifier(descriptor!);
      for (let i = 0; i < 5; i++) notifier.signal();
      await waiter.until(() => total === 5, `five signals ${direction}`);
      notifier.signal();
      await waiter.until(() => total === 6, `one more signal ${direction}`);
      notifier.close();
      event.close();
    }
    t.pass('both ways');
  });

  suite.test(
    'signals and frames keep their order',
    ['fdPassing', 'orderedNotifications'],
    async (t) => {
      const { client, server } = await openPair(t, suite);
      const order: (number | string)[] = [];
      const waiter = new Waiter();
      const event = resourcesOf(client).createEvent((count) => {
        for (let i = 0; i < count; i++) order.push('signal');
        waiter.changed();
      });
      send(client, 0, event.descriptor());
      const [descriptor] = await descriptorsOf(server, 0);
      const notifier = resourcesOf(server).notifier(descriptor!);
      client.handler = ({ bytes, start }) => {
        order.push(sequenceOf(bytes.subarray(start)));
        waiter.changed();
      };
      const expected: (number | string)[] = [];
      for (let i = 0; i < 100; i++) {
        server.connection.send(testFrame(i, FRAME_BYTES));
        notifier.signal();
        expected.push(i, 'signal');
      }
      await waiter.until(() => order.length === expected.length, 'all frames and signals');
      t.same(order, expected);
      notifier.close();
      event.close();
    },
  );

  suite.test('descriptors stay with the frame they were sent with', ['fdPassing'], async (t) => {
    const { client, server } = await openPair(t, suite);
    const most = suite.fixture.expected.maxDescriptors;
    const counts = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? (i % most) + 1 : 0));
    const kept: SharedMemory[] = [];
    counts.forEach((count, i) => {
      const memories = Array.from({ length: count }, () => createMemory(t, client, PAGE));
      for (const [place, memory] of memories.entries()) memory.write(0, new Uint8Array([i, place]));
      kept.push(...memories);
      send(client, i, ...memories.map((memory) => memory.descriptor()));
    });
    await server.arrived(counts.length);
    server.frames.forEach(({ bytes, descriptors }, i) => {
      t.equal(sequenceOf(bytes), i);
      t.equal(descriptors.length, counts[i], `frame ${i} has ${counts[i]}`);
      descriptors.forEach((descriptor, place) => {
        const mapping = resourcesOf(server).mapMemory(descriptor, mapAll(PAGE));
        t.same(mapping.view(0, 2), new Uint8Array([i, place]));
        mapping.close();
      });
    });
  });

  suite.test('descriptors that are no use are refused and closed', ['fdPassing'], async (t) => {
    const { client, server } = await openPair(t, suite);
    const resources = resourcesOf(server);
    const memory = createMemory(t, client, PAGE);
    const event = resourcesOf(client).createEvent(() => {});
    const before = suite.openHandles();
    send(client, 0, memory.descriptor(), event.descriptor());
    send(client, 1, memory.descriptor());
    const [noEvent, noMemory] = await descriptorsOf(server, 0);
    const [tooShort] = await descriptorsOf(server, 1);
    t.throws(() => resources.notifier(noEvent!), { code: 'VFU_SYSTEM_ERROR' });
    t.throws(() => resources.mapMemory(noMemory!, mapAll(PAGE)), { code: 'VFU_SYSTEM_ERROR' });
    t.throws(() => resources.mapMemory(tooShort!, mapAll(PAGE, BigInt(PAGE))), {
      code: 'VFU_SYSTEM_ERROR',
    });
    t.equal(suite.openHandles(), before);
    event.close();
  });

  suite.test('descriptors are closed by whoever has them last', ['fdPassing'], async (t) => {
    const { client, server } = await openPair(t, suite);
    const memory = createMemory(t, client, PAGE);
    const before = suite.openHandles();
    const sent = memory.descriptor();
    send(client, 0, sent);
    const [arrived] = await descriptorsOf(server, 0);
    sent.close();
    t.equal(suite.openHandles(), before + 1, 'only the receiver has one');
    arrived!.close();
    arrived!.close();
    t.equal(suite.openHandles(), before);
  });

  suite.test('descriptors of frames that never arrive are closed', ['fdPassing'], async (t) => {
    const { host, client: owner } = await openPair(t, suite);
    const memory = createMemory(t, owner, PAGE);
    const before = suite.openHandles();
    const client = await host.connect();
    const server = await host.end(1);
    server.connection.pause();
    for (let i = 0; i < 30; i++) send(client, i, memory.descriptor());
    client.connection.abort(new Error('gone'));
    server.connection.abort(new Error('gone too'));
    await Promise.all([client.ended(), server.ended()]);
    send(client, 0, memory.descriptor());
    send(server, 0, memory.descriptor());
    t.equal(suite.openHandles(), before);
  });
}

function send({ connection }: RecordingEnd, sequence: number, ...descriptors: Descriptor[]): void {
  connection.send(testFrame(sequence, FRAME_BYTES, descriptors.length > 0), undefined, descriptors);
}

async function descriptorsOf(end: RecordingEnd, frame: number): Promise<readonly Descriptor[]> {
  await end.arrived(frame + 1);
  return end.frames[frame]?.descriptors ?? [];
}

function resourcesOf({ connection }: RecordingEnd): SharedResources {
  if (connection.resources === undefined) throw new Error('the connection has no resources');
  return connection.resources;
}

function createMemory(t: Test, end: RecordingEnd, length: number): SharedMemory {
  const memory = resourcesOf(end).createMemory('compliance', length);
  t.teardown(() => memory.close());
  return memory;
}

function mapAll(length: number, offset = 0n): MapRequest {
  return { offset, length, readable: true, writable: true };
}
