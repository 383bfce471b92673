import t from 'tap';
import { Command, ExtensionCommand } from '../../src/protocol/enums.js';
import { FakeDescriptor, PeerFixture, turn } from './fakes.js';

const { ACKNOWLEDGE, INTERRUPT } = ExtensionCommand;
const interrupt = { index: 2, vector: 1, count: 1 };
const noReply = { noReply: true };

/** Whether a promise has settled once all callbacks ran. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  await turn();
  return settled;
}

t.test('one-way messages are acknowledged, what else is sent is not', async (t) => {
  const fixture = new PeerFixture({ ownWindowMessages: 8 });
  let bytes = fixture.receive(INTERRUPT, interrupt, noReply);
  fixture.receive(Command.DEVICE_RESET, undefined, { id: 1 });
  fixture.receive(ExtensionCommand.KEEP_ALIVE, { nonce: 1, reply: true }, noReply);
  t.same(fixture.connection.requests(ACKNOWLEDGE), []);
  bytes += fixture.receive(INTERRUPT, interrupt, noReply);
  t.match(fixture.connection.requests(ACKNOWLEDGE), [
    { body: { messages: 2, bytes }, noReply: true },
  ]);
});

t.test('a one-way message that makes no sense uses the window up all the same', async (t) => {
  const fixture = new PeerFixture({ ownWindowMessages: 4 });
  const write = { region: 0, offset: 0, count: 5, data: new Uint8Array(4) };
  const bytes = fixture.receive(Command.REGION_WRITE, write, noReply);
  t.same(fixture.requests, [], 'it was refused');
  t.match(fixture.connection.sent, [{ command: ACKNOWLEDGE, body: { messages: 1, bytes } }]);
});

t.test('posting stops at the window, and goes on after an acknowledgement', async (t) => {
  const fixture = new PeerFixture({ windowMessages: 2 });
  const { peer, connection } = fixture;
  t.equal(peer.post(INTERRUPT, interrupt), true);
  t.equal(peer.post(INTERRUPT, interrupt), false);
  const drained = peer.drained();
  fixture.drain();
  t.equal(await isSettled(drained), false, 'room in the send queue is not enough');
  const bytes = connection.sentBytes[0] ?? 0;
  fixture.receive(ACKNOWLEDGE, { messages: 1, bytes }, noReply);
  t.equal(await isSettled(drained), true);
  t.equal(peer.post(INTERRUPT, interrupt), false, 'one was acknowledged, one may go');
});

t.test('an acknowledgement does not wake who waits for the send queue', async (t) => {
  const fixture = new PeerFixture({ windowMessages: 10 });
  fixture.connection.hasRoom = false;
  t.equal(fixture.peer.post(INTERRUPT, interrupt), false);
  const drained = fixture.peer.drained();
  fixture.receive(ACKNOWLEDGE, { messages: 1, bytes: 10 }, noReply);
  t.equal(await isSettled(drained), false);
  fixture.drain();
  t.equal(await isSettled(drained), true);
});

t.test('who waits although there is room, or for a connection that ends, is let go', async (t) => {
  const fixture = new PeerFixture({ windowMessages: 1 });
  t.equal(await isSettled(fixture.peer.drained()), true);
  fixture.peer.post(INTERRUPT, interrupt);
  const drained = fixture.peer.drained();
  t.equal(await isSettled(drained), false);
  fixture.end();
  t.equal(await isSettled(drained), true);
  t.equal(await isSettled(fixture.peer.drained()), true);
  t.throws(() => fixture.peer.post(INTERRUPT, interrupt), { code: 'VFU_PEER_CLOSED' });
});

t.test('who sends replies that nobody reads is not read from, where that is wanted', async (t) => {
  const server = new PeerFixture({}, {}, { pauseWhenBackedUp: true });
  server.connection.hasRoom = false;
  server.peer.reply(Command.DEVICE_RESET, 1, undefined);
  t.equal(server.connection.paused, true);
  server.drain();
  t.equal(server.connection.paused, false);
  const client = new PeerFixture();
  client.connection.hasRoom = false;
  client.peer.reply(Command.DEVICE_RESET, 1, undefined);
  t.equal(client.connection.paused, false);
});

t.test('descriptors that nobody takes are closed', async (t) => {
  const fixture = new PeerFixture();
  const taken = new FakeDescriptor();
  const left = new FakeDescriptor();
  const id = fixture.peer.requests.register(Command.DEVICE_RESET, {
    onReply: (_, received) => void received.shift(),
    onFailure: (error) => t.error(error),
  });
  fixture.answer(Command.DEVICE_RESET, id, undefined, [taken, left]);
  t.same([taken.closed, left.closed], [false, true]);
});
