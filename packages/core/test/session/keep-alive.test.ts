import { mock } from 'node:test';
import t from 'tap';
import { Command, ExtensionCommand } from '../../src/protocol/enums.js';
import { PeerFixture } from './fakes.js';

t.before(() => mock.timers.enable({ apis: ['setInterval'] }));
t.teardown(() => mock.timers.reset());

const { KEEP_ALIVE } = ExtensionCommand;

t.test('a peer that stays silent is given up after the time, and not before', async (t) => {
  const { connection } = new PeerFixture({ ownSilenceMs: 3000 });
  mock.timers.tick(2999);
  t.equal(connection.aborted, undefined);
  mock.timers.tick(1);
  t.match(connection.aborted, { code: 'VFU_TIMEOUT', message: /silent for 3 s/ });
});

t.test('any frame is a sign of life', async (t) => {
  const fixture = new PeerFixture({ ownSilenceMs: 3000 });
  for (let round = 0; round < 20; round++) {
    mock.timers.tick(2000);
    fixture.receive(
      ExtensionCommand.INTERRUPT,
      { index: 2, vector: 0, count: 1 },
      { noReply: true },
    );
  }
  t.equal(fixture.connection.aborted, undefined);
  mock.timers.tick(4000);
  t.match(fixture.connection.aborted, { code: 'VFU_TIMEOUT' });
});

t.test('bytes that move are a sign of life, whole frames or not', async (t) => {
  const { connection } = new PeerFixture({ ownSilenceMs: 3000 });
  for (let round = 0; round < 20; round++) {
    mock.timers.tick(2000);
    connection.bytesMoved += 1000;
  }
  t.equal(connection.aborted, undefined);
  mock.timers.tick(4000);
  t.match(connection.aborted, { code: 'VFU_TIMEOUT' });
});

const ask = ({ peer }: PeerFixture): number => {
  peer.request(Command.DEVICE_RESET, undefined, { onReply() {}, onFailure() {} });
  return peer.requests.sent;
};

t.test('without signs of life a peer may be silent until it is asked something', async (t) => {
  const fixture = new PeerFixture({}, {}, { timeoutMs: 0, silenceMs: 3000 });
  mock.timers.tick(100_500);
  t.equal(fixture.connection.aborted, undefined);
  ask(fixture);
  mock.timers.tick(3000);
  t.equal(fixture.connection.aborted, undefined, 'not a moment too early');
  mock.timers.tick(1000);
  t.match(fixture.connection.aborted, { code: 'VFU_TIMEOUT', message: /silent for 3 s/ });
});

t.test('a busy peer that leaves a request unanswered is not given up', async (t) => {
  const fixture = new PeerFixture({}, {}, { timeoutMs: 0, silenceMs: 3000 });
  ask(fixture);
  for (let round = 0; round < 20; round++) {
    mock.timers.tick(2000);
    fixture.connection.bytesMoved += 1000;
  }
  t.equal(fixture.connection.aborted, undefined);
  const second = ask(fixture);
  fixture.answer(Command.DEVICE_RESET, second, undefined);
  mock.timers.tick(100_000);
  t.equal(fixture.connection.aborted, undefined, 'it lived after it was asked');
  t.same(fixture.connection.requests(KEEP_ALIVE), [], 'that is for who has agreed on it');
});

t.test('signs of life leave thrice within the time after which the peer gives up', async (t) => {
  const { connection } = new PeerFixture({ peerSilenceMs: 3000 });
  mock.timers.tick(3000);
  t.match(
    connection.requests(KEEP_ALIVE).map(({ body, noReply }) => ({ ...body, noReply })),
    [1, 2, 3].map((nonce) => ({ nonce, reply: false, noReply: true })),
  );
  mock.timers.tick(1_000_000);
  t.equal(connection.aborted, undefined, 'this side waits for ever');
});

t.test('of two times the shorter sets the pace', async (t) => {
  const { connection } = new PeerFixture({ ownSilenceMs: 30_000, peerSilenceMs: 300 });
  mock.timers.tick(1000);
  t.equal(connection.requests(KEEP_ALIVE).length, 10);
});

t.test('a question is answered with its nonce, an answer is not', async (t) => {
  const fixture = new PeerFixture();
  fixture.receive(KEEP_ALIVE, { nonce: 77, reply: false }, { noReply: true });
  fixture.receive(KEEP_ALIVE, { nonce: 78, reply: true }, { noReply: true });
  t.match(fixture.connection.requests(KEEP_ALIVE), [{ body: { nonce: 77, reply: true } }]);
  t.equal(fixture.connection.sent.length, 1);
  t.same(fixture.requests, [], 'nobody above is told');
});

t.test('without either time, and after the end, nothing is sent', async (t) => {
  const never = new PeerFixture();
  const ended = new PeerFixture({ ownSilenceMs: 3000, peerSilenceMs: 3000 });
  ended.end();
  mock.timers.tick(100_000);
  t.same([never.connection.sent, ended.connection.sent], [[], []]);
  t.equal(ended.connection.aborted, undefined);
});
