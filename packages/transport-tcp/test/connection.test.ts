import { once } from 'node:events';
import t, { type Test } from 'tap';
import type { TcpTransportOptions } from '../src/index.js';
import { join, listen, message, rawSocket } from './support.js';

const ways: Readonly<Record<string, TcpTransportOptions>> = {
  'system calls': {},
  'sockets of Node': { systemCalls: false },
};

for (const [way, options] of Object.entries(ways)) {
  const test = (title: string, body: (t: Test) => Promise<void>): void => {
    void t.test(`${way}: ${title}`, body);
  };

  test('all messages of one turn arrive as one piece', async (t) => {
    const { uri, accepted } = await listen(t, 'tcp://127.0.0.1:0', { ...options, greets: false });
    const socket = await rawSocket(t, uri);
    const server = await accepted(0);
    for (let i = 0; i < 50; i++) {
      server.send(message(20, i));
      if (i % 10 === 0) await Promise.resolve();
    }
    const [piece] = await once(socket, 'data');
    t.equal(piece.length, 50 * 20);
  });

  test('a lone message does not wait for company', async (t) => {
    const { uri, accepted } = await listen(t, 'tcp://127.0.0.1:0', { ...options, greets: false });
    const socket = await rawSocket(t, uri);
    const server = await accepted(0);
    let received = 0;
    socket.on('data', ({ length }) => {
      received += length;
    });
    server.send(message(20));
    await turn();
    await turn();
    t.equal(received, 20);
  });

  test('large data arrives unchanged beside small heads', async (t) => {
    const { uri, accepted, sinks } = await listen(t, 'tcp://127.0.0.1:0', options);
    const { connection } = await join(t, uri, options);
    await accepted(0);
    const sent = [7, 4097, 300_000, 4096, 3_000_000].map((size, i) => message(size + 4, i + 1));
    for (const bytes of sent) connection.send(bytes.subarray(0, 4), bytes.subarray(4));
    await sinks[0]!.until(() => sinks[0]!.frames.length === sent.length);
    t.ok(sent.every((bytes, i) => Buffer.compare(bytes, sinks[0]!.frames[i]!) === 0));
  });

  test('a peer that does not read stops the sender, and at last ends', async (t) => {
    const limits = { highWaterBytes: 100_000, lowWaterBytes: 50_000, maxQueuedBytes: 400_000 };
    const { uri, accepted, sinks } = await listen(t, 'tcp://127.0.0.1:0', {
      ...options,
      ...limits,
    });
    const { connection: reader, sink } = await join(t, uri, options);
    const server = await accepted(0);
    reader.pause();
    let sent = 1;
    while (server.send(message(10_000, sent))) {
      if (sent++ % 100 === 0) await turn();
    }
    t.equal(sinks[0]!.drains, 0);
    reader.resume();
    await sinks[0]!.until(() => sinks[0]!.drains === 1);
    await sink.until(() => sink.frames.length === sent);

    reader.pause();
    while (sinks[0]!.closes.length === 0) {
      server.send(message(100_000));
      await turn();
    }
    t.match(sinks[0]!.closes, [{ code: 'VFU_PEER_CLOSED', message: /unread/ }]);
  });

  test('close() does not take back what was sent, although something is unread', async (t) => {
    const { uri, accepted, sinks } = await listen(t, 'tcp://127.0.0.1:0', options);
    const { connection, sink } = await join(t, uri, options);
    const server = await accepted(0);
    server.pause();
    connection.send(message(100_000));
    for (let i = 0; i < 10; i++) await turn();
    server.send(message(20));
    await server.close();
    t.equal(await sink.closed(), undefined);
    t.equal(sink.frames.length, 1);
    t.equal(await sinks[0]?.closed(), undefined);
    t.equal(sinks[0]?.frames.length, 0);
  });

  test('descriptors are refused and closed', async (t) => {
    const { uri } = await listen(t, 'tcp://127.0.0.1:0', options);
    const { connection } = await join(t, uri, options);
    let closed = 0;
    const descriptor = { close: () => void closed++ };
    t.throws(() => connection.send(message(4), undefined, [descriptor]), {
      code: 'VFU_UNSUPPORTED',
    });
    t.not(closed, 0);
  });
}

t.test('a peer that reads nothing although it is sent something is given up', async (t) => {
  const { uri, accepted, sinks } = await listen(t, 'tcp://127.0.0.1:0?timeout=1s');
  const { connection } = await join(t, uri);
  const server = await accepted(0);
  connection.pause();
  while (server.send(message(100_000)));
  t.match(await sinks[0]!.closed(), { code: 'VFU_PEER_CLOSED', message: /vanished/ });
});

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
