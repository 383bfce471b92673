import { mock } from 'node:test';
import t from 'tap';
import { encodeLinkFrame, LinkFrameKind } from '../../src/protocol/portable/link-frames.js';
import { frameOf } from '../protocol/wire.js';
import { FakeLink, FakeSession, message } from './fake-link.js';
import { turn } from './fakes.js';

t.before(() => mock.timers.enable({ apis: ['setTimeout'] }));
t.teardown(() => mock.timers.reset());

const LOST = new Error('the cable was pulled');
const { END } = LinkFrameKind;

t.test('without a link and with nothing to be sent a session closes at once', async (t) => {
  const { session, sink, ends } = new FakeSession();
  sink.onClose(LOST);
  await session.close();
  await turn();
  t.same(ends, [undefined], 'in order');
});

t.test('what is to be sent waits for a link, for five seconds', async (t) => {
  const { session, sink, ends } = new FakeSession();
  session.send(message());
  sink.onClose(LOST);
  const closed = session.close();
  mock.timers.tick(4999);
  await turn();
  t.same(ends, []);
  mock.timers.tick(1);
  await closed;
  await turn();
  t.same(ends, [LOST]);
});

t.test('a link that is lost while a session closes does not end it', async (t) => {
  const { session, sink, ends } = new FakeSession();
  session.send(message());
  const closed = session.close();
  sink.onClose(LOST);
  const next = new FakeLink();
  const nextSink = session.attach(next, 0);
  t.equal(next.frames, 1, 'sent again');
  t.equal(next.valuesOf(END).length, 1);
  t.ok(next.closing);
  nextSink.onClose();
  await closed;
  await turn();
  t.same(ends, [undefined], 'in order');
});

t.test('a session that closes ends with its link if that ends in order', async (t) => {
  const { session, sink, ends } = new FakeSession();
  session.send(message());
  const closed = session.close();
  sink.onClose();
  await closed;
  await turn();
  t.same(ends, [undefined]);
});

t.test('an error in a message ends the session: another link would not help', async (t) => {
  const broken = new Error('cannot handle it');
  const fixture = new FakeSession({
    onFrame() {
      throw broken;
    },
  });
  t.throws(() => fixture.sink.onFrame(frameOf(message())), broken);
  fixture.sink.onClose(broken);
  await turn();
  t.same(fixture.ends, [broken]);
  t.same(fixture.lost, []);
});

t.test('a count that cannot be ends the session when it goes on', async (t) => {
  const { session, sink, ends } = new FakeSession();
  sink.onClose(LOST);
  t.throws(() => session.attach(new FakeLink(), 1), { message: /has handled 1 messages/ });
  await turn();
  t.match(ends, [{ code: 'VFU_PROTOCOL_VIOLATION' }]);
});

t.test('a link that makes room for the next one is not one that nobody has', async (t) => {
  const { session, sink, link, lost } = new FakeSession();
  t.equal(session.offer(1), undefined, 'more than were sent');
  t.equal(link.aborted, undefined, 'it is left alone');
  t.not(session.offer(0), undefined);
  t.match(link.aborted, { message: /came back over another link/ });
  t.match(lost, [[/came back/, true]]);
  const next = session.attach(new FakeLink(), 0);
  next.onClose(LOST);
  t.match(lost[1], [LOST.message, false]);
  sink.onClose(LOST);
  t.equal(lost.length, 2, 'the old link does not matter any more');
  await session.close();
});

t.test('the peer may come back while one of its links is not complete', async (t) => {
  const { session } = new FakeSession();
  const hanging = session.offer(0);
  const newer = session.offer(0);
  t.not(newer, undefined, 'not held up');
  session.attach(new FakeLink(), 0, newer);
  t.throws(() => session.attach(new FakeLink(), 0, hanging), { message: /goes on elsewhere/ });
  t.equal(session.interruption, undefined);
  session.abort(LOST);
});

t.test('a session that its peer has ended is not gone on with', async (t) => {
  const { session, sink, ends } = new FakeSession();
  sink.onFrame(frameOf(encodeLinkFrame(END, 0, 0)));
  t.equal(session.offer(0), undefined);
  sink.onClose();
  await turn();
  t.same(ends, [undefined]);
});

t.test('a session ends whose peer leaves too much unhandled', async (t) => {
  const { session, sink, ends } = new FakeSession();
  const large = Buffer.concat([Uint8Array.of(8, 0, 8, 0, 1, 0, 0, 0), Buffer.alloc(2 ** 19)]);
  session.send(large);
  sink.onClose(LOST);
  session.send(large);
  await turn();
  t.match(ends, [{ message: /leaves \d+ bytes unhandled/ }]);
});
