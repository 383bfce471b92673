import type { Suite } from '../suite.js';
import { isTestFrame, testFrame } from '../test-frames.js';
import { openPair } from './connected-pair.js';
import { bytesOf, type RecordingEnd } from './recording-end.js';

const FRAME_BYTES = 65_536;
/** A sender that is not told to stop before this much is queued needs unbounded memory. */
const MOST_QUEUED_BYTES = 64 * 2 ** 20;

/** A side that does not read stops the other, and nothing is lost. */
export function backPressureTests(suite: Suite): void {
  suite.test('a peer that does not read stops the sender, until it reads again', async (t) => {
    const { client, server } = await openPair(t, suite);
    server.connection.pause();
    const sent = fillQueue(client);
    t.ok(sent * FRAME_BYTES < MOST_QUEUED_BYTES, `stopped after ${sent} frames`);
    t.equal(client.drains, 0);
    server.connection.resume();
    await client.until(() => client.drains > 0, 'room in the queue');
    t.ok(client.connection.send(testFrame(sent, FRAME_BYTES)), 'there is room after the drain');
    await server.arrived(sent + 1);
    t.ok(server.frames.every(({ bytes }, i) => isTestFrame(bytes, i, FRAME_BYTES)));
    t.equal(client.drains, 1, 'told once');
  });

  suite.test('a stopped sender that goes on loses nothing', async (t) => {
    const { client, server } = await openPair(t, suite);
    server.connection.pause();
    const sent = fillQueue(client);
    for (let i = sent; i < sent + 20; i++) client.connection.send(testFrame(i, FRAME_BYTES));
    server.connection.resume();
    await server.arrived(sent + 20);
    t.ok(server.frames.every(({ bytes }, i) => isTestFrame(bytes, i, FRAME_BYTES)));
  });

  suite.test('no frame arrives between pause and resume', async (t) => {
    const { client, server } = await openPair(t, suite);
    let seen = 0;
    server.handler = () => {
      seen++;
      if (seen === 3) server.connection.pause();
    };
    for (let i = 0; i < 50; i++) client.connection.send(testFrame(i, 40));
    await server.until(() => seen === 3, 'the first frames');
    await exchangeTheOtherWay(server, client);
    t.equal(seen, 3);
    server.connection.resume();
    await server.until(() => seen === 50, 'the rest');
  });

  suite.test('a side that pauses again and again gets every frame', async (t) => {
    const { client, server } = await openPair(t, suite);
    const count = 1000;
    let inOrder = 0;
    server.handler = (frame) => {
      if (isTestFrame(bytesOf(frame), inOrder, 1024)) inOrder++;
      if (inOrder % 10 !== 0) return;
      server.connection.pause();
      // From a timer: what the event loop looks at next is the socket.
      setTimeout(() => server.connection.resume(), 0);
    };
    for (let i = 0; i < count; i++) client.connection.send(testFrame(i, 1024));
    await server.until(() => inOrder === count || server.closes.length > 0, 'all frames');
    t.equal(inOrder, count);
    t.same(server.closes, [], 'the connection lives on');
  });

  suite.test('a paused side can still send', async (t) => {
    const { client, server } = await openPair(t, suite);
    client.connection.pause();
    client.connection.send(testFrame(0, 100));
    await server.arrived(1);
    t.ok(isTestFrame(server.frames[0]!.bytes, 0, 100));
  });

  suite.test('both sides full at once get going again', async (t) => {
    const { client, server } = await openPair(t, suite);
    client.connection.pause();
    server.connection.pause();
    const fromClient = fillQueue(client);
    const fromServer = fillQueue(server);
    client.connection.resume();
    server.connection.resume();
    await Promise.all([client.arrived(fromServer), server.arrived(fromClient)]);
    t.ok(server.frames.every(({ bytes }, i) => isTestFrame(bytes, i, FRAME_BYTES)));
    t.ok(client.frames.every(({ bytes }, i) => isTestFrame(bytes, i, FRAME_BYTES)));
  });
}

/** Send until the queue is full, within reason. @returns how many frames were sent. */
export function fillQueue({ connection }: RecordingEnd): number {
  let sent = 0;
  while (sent * FRAME_BYTES < MOST_QUEUED_BYTES) {
    if (!connection.send(testFrame(sent++, FRAME_BYTES))) break;
  }
  return sent;
}

/** Passes time that is measured in deliveries: what was going to arrive has arrived by then. */
async function exchangeTheOtherWay(from: RecordingEnd, to: RecordingEnd): Promise<void> {
  for (let i = 0; i < 20; i++) {
    let arrived = false;
    to.handler = (frame) => {
      arrived = isTestFrame(bytesOf(frame), i, 64);
    };
    from.connection.send(testFrame(i, 64));
    await to.until(() => arrived, `frame ${i} the other way`);
  }
}
