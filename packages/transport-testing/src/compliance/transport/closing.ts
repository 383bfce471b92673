import type { Suite } from '../suite.js';
import { isTestFrame, SMALLEST_FRAME_BYTES, testFrame } from '../test-frames.js';
import { fillQueue } from './back-pressure.js';
import { type ConnectedPair, openPair } from './connected-pair.js';

const FRAME_BYTES = 65_536;
const REASON = new Error('enough');

/** How connections end: once, for both sides, and for a reason. */
export function closingTests(suite: Suite): void {
  suite.test('close sends what is queued, then both sides end without error', async (t) => {
    const pair = await openPair(t, suite);
    const { client, server } = pair;
    for (let i = 0; i < 60; i++) client.connection.send(testFrame(i, FRAME_BYTES));
    await client.connection.close();
    await bothEnded(pair);
    t.equal(server.frames.length, 60);
    t.ok(server.frames.every(({ bytes }, i) => isTestFrame(bytes, i, FRAME_BYTES)));
    t.same(client.closes, [undefined]);
    t.same(server.closes, [undefined]);
  });

  suite.test('closing again, or from both sides at once, ends once', async (t) => {
    const pair = await openPair(t, suite);
    const { client, server } = pair;
    await Promise.all([
      client.connection.close(),
      server.connection.close(),
      client.connection.close(),
    ]);
    await client.connection.close();
    client.connection.abort(REASON);
    await bothEnded(pair);
    t.same(client.closes, [undefined]);
    t.same(server.closes, [undefined]);
  });

  suite.test('abort ends at once and for the given reason', async (t) => {
    const pair = await openPair(t, suite);
    const { client, server } = pair;
    client.connection.abort(REASON);
    client.connection.abort(new Error('again'));
    await client.connection.close();
    await bothEnded(pair);
    t.same(client.closes, [REASON]);
    t.equal(server.closes.length, 1);
  });

  suite.test('abort does not wait for a peer that does not read', async (t) => {
    const { client, server } = await openPair(t, suite);
    server.connection.pause();
    fillQueue(client);
    client.connection.abort(REASON);
    await client.ended();
    t.same(client.closes, [REASON]);
    server.connection.resume();
    await server.ended();
  });

  suite.test('nothing arrives after a handler aborted', async (t) => {
    const pair = await openPair(t, suite);
    const { client, server } = pair;
    let seen = 0;
    server.handler = () => {
      seen++;
      if (seen === 2) server.connection.abort(REASON);
    };
    for (let i = 0; i < 50; i++) client.connection.send(testFrame(i, 40));
    await bothEnded(pair);
    t.equal(seen, 2);
    t.same(server.closes, [REASON]);
  });

  suite.test('a handler may close: what it sent before arrives', async (t) => {
    const pair = await openPair(t, suite);
    const { client, server } = pair;
    server.handler = () => {
      server.connection.send(testFrame(9, 3000));
      void server.connection.close();
    };
    client.connection.send(testFrame(0, 40));
    await bothEnded(pair);
    t.ok(isTestFrame(client.frames[0]!.bytes, 9, 3000));
    t.same(server.closes, [undefined]);
  });

  suite.test('sending after the end does nothing', async (t) => {
    const pair = await openPair(t, suite);
    const { client, server } = pair;
    await client.connection.close();
    await bothEnded(pair);
    client.connection.send(testFrame(0, 40));
    server.connection.send(testFrame(0, 40), testFrame(0, 40));
    client.connection.pause();
    client.connection.resume();
    t.same([client.frames.length, server.frames.length], [0, 0]);
    t.equal(client.closes.length + server.closes.length, 2);
  });

  suite.test('a peer that vanishes amid a stream ends the connection once', async (t) => {
    const { client, server } = await openPair(t, suite);
    for (let i = 0; i < 50; i++) {
      client.connection.send(testFrame(i, FRAME_BYTES));
      server.connection.send(testFrame(i, FRAME_BYTES));
    }
    await server.arrived(1);
    client.connection.abort(REASON);
    await server.ended();
    t.ok(server.frames.every(({ bytes }, i) => isTestFrame(bytes, i, FRAME_BYTES)));
    server.connection.send(testFrame(0, 40));
    await server.connection.close();
    t.equal(server.closes.length, 1);
  });

  suite.test('a frame above the limit ends the connection with an error', async (t) => {
    const pair = await openPair(t, suite, 4096);
    const { client, server } = pair;
    client.connection.send(testFrame(0, 4096));
    client.connection.send(testFrame(1, 4097));
    client.connection.send(testFrame(2, 4096));
    await bothEnded(pair);
    t.equal(server.frames.length, 1, 'what came before is delivered, nothing after');
    t.match(server.closes, [{ code: 'VFU_PROTOCOL_VIOLATION' }]);
    t.equal(client.closes.length, 1);
  });

  suite.test('bytes that are no frame end the connection with an error', async (t) => {
    const pair = await openPair(t, suite);
    const { client, server } = pair;
    client.connection.send(new Uint8Array(SMALLEST_FRAME_BYTES * 4));
    await bothEnded(pair);
    t.same(server.frames, []);
    t.match(server.closes, [{ code: 'VFU_PROTOCOL_VIOLATION' }]);
  });

  suite.test('connecting a hundred times leaves nothing open', async (t) => {
    const { client, host } = await openPair(t, suite);
    const before = suite.openHandles();
    for (let i = 1; i <= 100; i++) {
      const passing = await host.connect();
      const server = await host.end(i);
      passing.connection.send(testFrame(i, 100));
      await server.arrived(1);
      if (i % 2 === 0) await passing.connection.close();
      else passing.connection.abort(REASON);
      await server.ended();
      await passing.ended();
    }
    t.equal(suite.openHandles(), before);
    t.same(client.closes, [], 'the first connection lives on');
  });
}

async function bothEnded({ client, server }: ConnectedPair): Promise<void> {
  await Promise.all([client.ended(), server.ended()]);
}
