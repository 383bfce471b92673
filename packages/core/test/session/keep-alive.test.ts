import { mock } from 'node:test';
import t from 'tap';
import { ExtensionCommand } from '../../src/protocol/constants.js';
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
