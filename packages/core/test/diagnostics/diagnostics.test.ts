import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mock } from 'node:test';
import t from 'tap';
import { EACCES, EBUSY, EINVAL, EIO, ENOENT } from '../../src/errno.js';
import { RemoteError, RequestRefusedError } from '../../src/errors.js';
import { ClientNegotiation } from '../../src/host-end/client-negotiation.js';
import { defaultLimits } from '../../src/host-end/limits.js';
import { diagnostics } from '../../src/index.js';
import { InterruptController } from '../../src/interrupts/interrupt-controller.js';
import { silentLogger } from '../../src/logger.js';
import { DmaMessages } from '../../src/memory/dma-messages.js';
import { DmaSpace } from '../../src/memory/dma-space.js';
import { OneSidedDma } from '../../src/memory/one-sided-dma.js';
import { OWN_CAPABILITIES } from '../../src/protocol/capabilities.js';
import { Command, ExtensionCommand, Irq } from '../../src/protocol/enums.js';
import { offer } from '../../src/protocol/version.js';
import { ManualFence, notifiers, setIrqs } from '../device/fakes.js';
import {
  ATTACHMENT,
  addMapping,
  ManualRemote,
  mappingOf,
  TestGuestMemory,
  tryRead,
  tryWrite,
} from '../memory/fakes.js';
import { PeerFixture, turn } from '../session/fakes.js';
import { listenTo } from './listen.js';

const READ = { region: 0, offset: 0, count: 4 };
const WRITE = { ...READ, data: new Uint8Array(4) };
const BASE = 0x10000;
const PAGE = 4096;
const ASSIGN = 0x24;

/** What every message about a device says. */
const ABOUT = { device: 'a device', peer: undefined };

t.test('without listeners no clock is read and nothing is published', async (t) => {
  const now = t.capture(performance, 'now');
  const publish = t.capture(diagnostics.request, 'publish');
  const fixture = new PeerFixture();
  fixture.receive(Command.REGION_READ, READ, { id: 1 });
  fixture.peer.reply(Command.REGION_READ, 1, WRITE);
  fixture.receive(Command.REGION_WRITE, WRITE, { noReply: true });
  const dma = new DmaSpace(ATTACHMENT);
  addMapping(dma, mappingOf(BASE, 1, new TestGuestMemory(PAGE)));
  tryWrite(dma, BASE, new Uint8Array(4));
  fixture.end();
  t.strictSame([now(), publish()], [[], []]);
});

t.test('a listener that comes later is told nothing of requests from before', async (t) => {
  const fixture = new PeerFixture();
  fixture.receive(Command.REGION_READ, READ, { id: 1 });
  const seen = listenTo(t, diagnostics.request);
  fixture.peer.reply(Command.REGION_READ, 1, WRITE);
  t.strictSame(seen, []);
});

t.test('the channels are those of node:diagnostics_channel, by their names', async (t) => {
  const seen: unknown[] = [];
  const listener = (message: unknown): void => void seen.push(message);
  subscribe('vfio-user:interrupt', listener);
  t.teardown(() => unsubscribe('vfio-user:interrupt', listener));
  const interrupts = new InterruptController(new ManualFence(), ATTACHMENT);
  interrupts.describe({ intx: true, msi: 0, msix: 4 });
  interrupts.apply(setIrqs(ASSIGN, Irq.MSIX, 0, 2), notifiers(2));
  interrupts.raise(1);
  interrupts.raise(3);
  t.strictSame(
    seen,
    [{ ...ABOUT, index: Irq.MSIX, vector: 1, count: 1 }],
    'what is pending is not told',
  );
});

t.test('the line is told once per notification', async (t) => {
  const seen = listenTo(t, diagnostics.interrupt);
  const interrupts = new InterruptController(new ManualFence(), ATTACHMENT);
  interrupts.describe({ intx: true, msi: 0, msix: 0 });
  interrupts.apply(setIrqs(ASSIGN, Irq.INTX, 0, 1), notifiers(1));
  interrupts.setIntx(true);
  interrupts.setIntx(true);
  t.strictSame(seen, [{ ...ABOUT, index: Irq.INTX, vector: 0, count: 1 }]);
});

t.test('a request is told with its bytes, duration and errno once it is answered', async (t) => {
  const seen = listenTo(t, diagnostics.request);
  const errors = listenTo(t, diagnostics.error);
  const now = t.capture(performance, 'now', () => ++clock);
  let clock = 0;
  const { peer, connection, ...fixture } = fixtureOf();
  const bytesIn = fixture.receive(Command.REGION_READ, READ, { id: 1 });
  const second = fixture.receive(Command.REGION_WRITE, WRITE, { id: 2 });
  t.strictSame(seen, [], 'not before');
  peer.replyError(Command.REGION_WRITE, 2, false, new RequestRefusedError(EINVAL, 'no'));
  peer.reply(Command.REGION_READ, 1, WRITE);
  const [refused, read] = connection.sentBytes;
  const common = { peer: 'fake' };
  t.strictSame(seen, [
    {
      ...common,
      command: Command.REGION_WRITE,
      bytesIn: second,
      bytesOut: refused,
      durationMs: 1,
      errno: EINVAL,
    },
    {
      ...common,
      command: Command.REGION_READ,
      bytesIn,
      bytesOut: read,
      durationMs: 3,
      errno: 0,
    },
  ]);
  t.match(errors, [{ peer: 'fake', error: { code: 'VFU_REQUEST_REFUSED' } }]);
  t.equal(now().length, 4);
});

t.test('a request without an answer is told when it was handled', async (t) => {
  const seen = listenTo(t, diagnostics.request);
  const { peer, ...fixture } = fixtureOf({
    onRequest: ({ command, body }) => {
      if (command !== Command.REGION_WRITE || body.offset === 0) return;
      peer.replyError(command, 0, true, new Error('oops'));
    },
  });
  fixture.receive(Command.REGION_WRITE, WRITE, { noReply: true });
  fixture.receive(Command.REGION_WRITE, { ...WRITE, offset: 8 }, { noReply: true });
  fixture.receive(ExtensionCommand.KEEP_ALIVE, { nonce: 1, reply: false }, { noReply: true });
  t.match(seen, [
    { command: Command.REGION_WRITE, bytesOut: 0, errno: 0 },
    { command: Command.REGION_WRITE, bytesOut: 0, errno: EIO },
  ]);
  t.equal(seen.length, 2, 'what the session itself says is no request');
});

t.test('a connection that ends by an error is told', async (t) => {
  const seen = listenTo(t, diagnostics.error);
  const fixture = new PeerFixture();
  const error = new Error('broken');
  fixture.end(error);
  t.strictSame(seen, [{ error, peer: 'fake' }]);
});

t.test('memory is told by the way it was reached', async (t) => {
  const seen = listenTo(t, diagnostics.dma);
  const dma = new DmaSpace(ATTACHMENT);
  addMapping(dma, mappingOf(BASE, 1, new TestGuestMemory(PAGE)));
  addMapping(dma, mappingOf(BASE + PAGE, 1, new TestGuestMemory(PAGE)));
  addMapping(dma, mappingOf(BASE + 2 * PAGE, 1));
  tryRead(dma, BASE, new Uint8Array(3));
  tryWrite(dma, BASE + PAGE - 2, new Uint8Array(4));
  dma.range(BASE, 5, 'readwrite').view;
  dma.pushed.put(BASE + 2 * PAGE, new Uint8Array(6));
  await dma.read(BASE + 2 * PAGE, new Uint8Array(6));
  t.strictSame(seen, [
    { ...ABOUT, path: 'shared', direction: 'read', bytes: 3, errno: 0 },
    { ...ABOUT, path: 'shared', direction: 'write', bytes: 4, errno: 0 },
    { ...ABOUT, path: 'view', direction: 'readwrite', bytes: 5, errno: 0 },
    { ...ABOUT, path: 'pushed', direction: 'read', bytes: 6, errno: 0 },
  ]);
});

t.test('shared memory that waits for its turn is told when it was accessed', async (t) => {
  const seen = listenTo(t, diagnostics.dma);
  const dma = new DmaSpace(ATTACHMENT);
  addMapping(dma, mappingOf(BASE, 1, new TestGuestMemory(PAGE)));
  const write = dma.fence.begin();
  const waiting = [dma.read(BASE, new Uint8Array(1)), dma.write(BASE, new Uint8Array(2))];
  t.strictSame(seen, []);
  dma.fence.end(write);
  await Promise.all(waiting);
  t.match(seen, [
    { path: 'shared', direction: 'read', bytes: 1 },
    { path: 'shared', direction: 'write', bytes: 2 },
  ]);
});

t.test('transfers are told with their duration, and why they failed', async (t) => {
  const seen = listenTo(t, diagnostics.dma);
  const { peer, connection, ...fixture } = fixtureOf();
  const messages = new DmaMessages(peer, {
    maxTransferBytes: 8,
    maxReads: 4,
    replyWindowBytes: 64,
    attachment: ATTACHMENT,
    fence: new DmaSpace(ATTACHMENT).fence,
    orderedNotifications: true,
    posts: false,
    onFault() {},
  });
  const mapping = mappingOf(BASE, 1);
  const read = messages.read(mapping, BASE, new Uint8Array(10));
  for (const { id, body } of connection.requests(Command.DMA_READ)) {
    fixture.answer(Command.DMA_READ, id, { ...body, data: new Uint8Array(body.count) });
  }
  await read;
  const write = messages.write(mapping, BASE, new Uint8Array(4));
  peer.requests.end(new RemoteError('no', EACCES));
  await t.rejects(write);
  t.match(seen, [
    { ...ABOUT, path: 'messages', direction: 'read', bytes: 10, durationMs: Number, errno: 0 },
    { path: 'messages', direction: 'write', bytes: 4, durationMs: Number, errno: EACCES },
  ]);
});

t.test('what an adapter does is told as such, the rest as messages', async (t) => {
  const seen = listenTo(t, diagnostics.dma);
  const dma = new DmaSpace(ATTACHMENT);
  const messages = new ManualRemote(dma.fence);
  const adapter = { description: 'fake', expose: unused, read: done, write: done };
  const reachable = new OneSidedDma(adapter, messages, ATTACHMENT);
  const exposed = [{ offset: 0, length: PAGE, address: 0n, key: 1 }];
  const mapping = mappingOf(BASE, 2, undefined, 'rw', exposed);
  await reachable.write(mapping, BASE, new Uint8Array(16));
  t.match(seen, [
    { ...ABOUT, path: 'one-sided', direction: 'write', bytes: 16, durationMs: Number },
  ]);
});

t.test('a fault of the device is told once', async (t) => {
  const seen = listenTo(t, diagnostics.error);
  const dma = new DmaSpace(ATTACHMENT);
  addMapping(dma, mappingOf(BASE, 1, new TestGuestMemory(PAGE), 'r'));
  await t.rejects(dma.read(BASE - PAGE, new Uint8Array(1)));
  await t.rejects(dma.write(BASE, new Uint8Array(1)));
  t.match(seen, [
    { error: { code: 'VFU_DMA_FAULT', errno: ENOENT } },
    { error: { code: 'VFU_DMA_FAULT', errno: EACCES } },
  ]);
  const { peer, connection } = fixtureOf();
  peer.replyError(Command.DMA_WRITE, 1, false, (seen[1] as { error: Error }).error);
  t.equal(connection.sent.length, 1);
  t.equal(seen.length, 2, 'not again when the device is answered');
});

t.test('sessions begin, end, or are turned away with a reason', async (t) => {
  const seen = listenTo(t, diagnostics.session);
  const served = negotiationOf();
  served.negotiation.start();
  served.fixture.receive(Command.VERSION, offer(OWN_CAPABILITIES), { id: 1 });
  served.negotiation.end();
  const busy = negotiationOf(({ negotiation }) =>
    negotiation.refuse(new RequestRefusedError(EBUSY, 'later')),
  );
  busy.negotiation.start();
  busy.fixture.receive(Command.VERSION, offer(OWN_CAPABILITIES), { id: 1 });
  busy.negotiation.end(new Error('not told again'));
  const garbled = negotiationOf();
  garbled.negotiation.start();
  garbled.negotiation.turnDown();
  negotiationOf().negotiation.end();
  t.match(seen, [
    { event: 'begun', peer: 'fake' },
    { event: 'ended', peer: 'fake', error: undefined },
    { event: 'turned-away', peer: 'fake', error: { errno: EBUSY } },
    { event: 'turned-away', peer: 'fake', error: { code: 'VFU_PROTOCOL_VIOLATION' } },
  ]);
  t.equal(seen.length, 4, 'one that leaves before it said anything was not turned away');
});

t.test('a client that says nothing in time was turned away', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const seen = listenTo(t, diagnostics.session);
  const { negotiation, fixture } = negotiationOf();
  negotiation.start();
  mock.timers.tick(defaultLimits.negotiationTimeoutMs);
  negotiation.end(fixture.connection.aborted);
  t.match(seen, [{ event: 'turned-away', error: { code: 'VFU_TIMEOUT' } }]);
});

/** With its methods bound, to be taken apart. */
function fixtureOf(handlers: ConstructorParameters<typeof PeerFixture>[1] = {}) {
  const fixture = new PeerFixture({}, handlers);
  return {
    peer: fixture.peer,
    connection: fixture.connection,
    receive: fixture.receive.bind(fixture),
    answer: fixture.answer.bind(fixture),
  };
}

function negotiationOf(
  answer: (of: { negotiation: ClientNegotiation }) => void = (of) => of.negotiation.accept(),
) {
  const fixture: PeerFixture = new PeerFixture(
    {},
    { onRequest: (request, received) => negotiation.onRequest(request, received) },
  );
  const { peer } = fixture;
  const onVersion = (): void => answer({ negotiation });
  const onAgreed = (): void => {};
  const options = { peer, limits: defaultLimits, logger: silentLogger, onVersion, onAgreed };
  const negotiation: ClientNegotiation = new ClientNegotiation(options);
  return { fixture, negotiation };
}

async function done(): Promise<void> {
  await turn();
}

function unused(): never {
  throw new Error('this side owns no memory');
}
