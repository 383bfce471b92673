import t from 'tap';
import { EBUSY, EIO } from '../../src/errno.js';
import { RequestRefusedError } from '../../src/errors.js';
import { type Answer, ControlRequests } from '../../src/host-end/control-requests.js';
import { Command } from '../../src/protocol/enums.js';
import type { RequestMessage } from '../../src/protocol/messages.js';
import type { ReceivedDescriptors } from '../../src/session/request-table.js';
import { FakeDescriptor, PeerFixture, turn } from '../session/fakes.js';

const DONE: Answer = { body: undefined };

function reset(id: number, noReply = false): RequestMessage {
  return { kind: 'request', command: Command.DEVICE_RESET, id, noReply, body: undefined };
}

/** Requests end when the test says so, unless it says at once. */
function open(maxWaiting = 100) {
  const { peer, connection } = new PeerFixture();
  const started: RequestMessage[] = [];
  const ends: ((outcome: Answer | Promise<Answer>) => void)[] = [];
  const handler = {
    handle(request: RequestMessage, _received: ReceivedDescriptors): Answer | Promise<Answer> {
      started.push(request);
      return new Promise((resolve) => ends.push(resolve));
    },
  };
  const control = new ControlRequests(peer, maxWaiting, (request, received) =>
    handler.handle(request, received),
  );
  return { control, connection, handler, started, ends };
}

t.test('requests are carried out one after the other, in order', async (t) => {
  const { control, connection, started, ends } = open();
  for (const id of [1, 2, 3]) control.take(reset(id), []);
  for (const id of [1, 2, 3]) {
    t.same(
      started.map((request) => request.id),
      [1, 2, 3].slice(0, id),
    );
    ends.shift()?.(DONE);
    await turn();
  }
  t.match(
    connection.sent,
    [1, 2, 3].map((id) => ({ kind: 'reply', id })),
  );
});

t.test('what fails is answered with its errno, and the next one goes on', async (t) => {
  const { control, connection, handler, ends } = open();
  control.take(reset(1), []);
  control.take(reset(2), []);
  ends.shift()?.(Promise.reject(new RequestRefusedError(EBUSY, 'not now')));
  await turn();
  handler.handle = () => {
    throw new TypeError('a mistake of ours');
  };
  ends.shift()?.(DONE);
  await turn();
  control.take(reset(3), []);
  t.match(connection.sent, [
    { kind: 'error', id: 1, errno: EBUSY },
    { kind: 'reply', id: 2 },
    { kind: 'error', id: 3, errno: EIO },
  ]);
});

t.test('descriptors are closed once the request is done, unless they were taken', async (t) => {
  const { control, handler, ends } = open();
  const handle = handler.handle;
  handler.handle = (request, received) => {
    received.shift();
    return handle(request, received);
  };
  const descriptors = [new FakeDescriptor(), new FakeDescriptor()];
  const received: ReceivedDescriptors = [...descriptors];
  control.take(reset(1), received);
  t.same(received, [], 'the control has them');
  t.same(
    descriptors.map(({ closed }) => closed),
    [false, false],
  );
  ends.shift()?.(DONE);
  await turn();
  t.same(
    descriptors.map(({ closed }) => closed),
    [false, true],
  );
});

t.test('a request that waits keeps its data when its frame is reused', async (t) => {
  const { control, started, ends } = open();
  control.take(reset(1), []);
  const data = new Uint8Array([1, 2, 3]);
  const body = { argsz: 11, flags: 0, data };
  control.take(
    { kind: 'request', command: Command.DEVICE_FEATURE, id: 2, noReply: false, body },
    [],
  );
  data.fill(0xdd);
  ends.shift()?.(DONE);
  await turn();
  t.match(started[1], { body: { data: new Uint8Array([1, 2, 3]) } });
});

t.test('the connection is not read while too many wait', async (t) => {
  const { control, connection, ends } = open(2);
  control.take(reset(1), []);
  control.take(reset(2), []);
  t.equal(connection.paused, false);
  control.take(reset(3), []);
  t.equal(connection.paused, true);
  for (let i = 0; i < 3; i++) {
    ends.shift()?.(DONE);
    await turn();
  }
  t.equal(connection.paused, false);
});

t.test('a request that wants no reply gets none', async (t) => {
  const { control, connection, handler } = open();
  const descriptor = new FakeDescriptor();
  handler.handle = () => ({ body: undefined, descriptors: [descriptor] });
  control.take(reset(1, true), []);
  handler.handle = () => {
    throw new RequestRefusedError(EBUSY, 'not now');
  };
  control.take(reset(2, true), []);
  t.same(connection.sent, []);
  t.equal(descriptor.closed, true);
});

t.test('what waits when the session ends is dropped, with its descriptors', async (t) => {
  const { control, started, ends } = open();
  const waiting = new FakeDescriptor();
  const late = new FakeDescriptor();
  control.take(reset(1), []);
  control.take(reset(2), [waiting]);
  control.close();
  control.take(reset(3), [late]);
  t.same([waiting.closed, late.closed], [true, true]);
  ends.shift()?.(DONE);
  await turn();
  t.equal(started.length, 1);
});
