import { getEventListeners } from 'node:events';
import t from 'tap';
import { EBUSY } from '../../src/errno.js';
import { Command } from '../../src/protocol/enums.js';
import { call } from '../../src/session/call.js';
import { PeerFixture } from './fakes.js';

const REASON = new Error('not any more');
const read = { region: 0, offset: 4, count: 2 };
const answer = { ...read, data: Uint8Array.of(7, 8) };

function open() {
  const fixture = new PeerFixture();
  const abort = new AbortController();
  const ask = (signal: AbortSignal = abort.signal) =>
    call(fixture.peer, Command.REGION_READ, read, (body) => body?.data[0], undefined, { signal });
  const lastId = (): number => fixture.connection.requests(Command.REGION_READ).at(-1)?.id ?? -1;
  const listeners = (): number => getEventListeners(abort.signal, 'abort').length;
  return { fixture, abort, ask, lastId, listeners };
}

t.test('an aborted call rejects at once with the reason, and its reply goes nowhere', async (t) => {
  const { fixture, abort, ask, lastId, listeners } = open();
  const asked = ask();
  const id = lastId();
  const other = ask(new AbortController().signal);
  abort.abort(REASON);
  t.equal(await asked.catch((error) => error), REASON);
  t.equal(listeners(), 0);
  let closed = 0;
  fixture.answer(Command.REGION_READ, id, answer, [{ close: () => void closed++ }]);
  t.equal(closed, 1, 'what came with it is closed');
  t.equal(fixture.connection.aborted, undefined, 'the session goes on');
  fixture.answer(Command.REGION_READ, lastId(), answer);
  t.equal(await other, 7);
});

t.test('a late refusal of an aborted call goes nowhere, too', async (t) => {
  const { fixture, abort, ask, lastId } = open();
  const asked = ask();
  abort.abort(REASON);
  t.equal(await asked.catch((error) => error), REASON);
  fixture.refuse(Command.REGION_READ, lastId(), EBUSY);
  t.equal(fixture.connection.aborted, undefined);
});

t.test('a call that is over leaves nothing at its signal', async (t) => {
  const { fixture, abort, ask, lastId, listeners } = open();
  const answered = ask();
  t.equal(listeners(), 1);
  fixture.answer(Command.REGION_READ, lastId(), answer);
  t.equal(await answered, 7);
  const refused = ask();
  fixture.refuse(Command.REGION_READ, lastId(), EBUSY);
  t.match(await refused.catch((error) => error), { errno: EBUSY });
  const ended = ask();
  fixture.peer.onClose();
  await t.rejects(ended, { code: 'VFU_PEER_CLOSED' });
  t.equal(listeners(), 0);
  abort.abort(REASON);
});

t.test('with a signal that has aborted nothing is sent', async (t) => {
  const { fixture, ask } = open();
  t.equal(await ask(AbortSignal.abort(REASON)).catch((error) => error), REASON);
  t.strictSame(fixture.connection.requests(Command.REGION_READ), []);
  let closed = 0;
  const descriptor = { close: () => void closed++ };
  const options = { signal: AbortSignal.abort(REASON) };
  const asked = call(fixture.peer, Command.DEVICE_RESET, undefined, () => 0, [descriptor], options);
  t.equal(await asked.catch((error) => error), REASON);
  t.equal(closed, 1);
});

t.test('a request that cannot be encoded rejects, and leaves nothing behind', async (t) => {
  const { fixture } = open();
  const told: Error[] = [];
  const requester = { onReply() {}, onFailure: (error: Error) => void told.push(error) };
  const body = { argsz: 24, flags: 0, address: Number.NaN, size: 4096 };
  const ask = () => fixture.peer.request(Command.DMA_UNMAP, body, requester);
  t.throws(ask, { code: 'VFU_CONFIG_INVALID', message: 'a message has integers, NaN is none' });
  fixture.peer.requests.end(new Error('gone'));
  t.strictSame(told, []);
});
