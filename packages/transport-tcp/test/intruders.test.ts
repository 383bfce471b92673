import { once } from 'node:events';
import t from 'tap';
import { join, listen, message, rawSocket, untilEnd } from './support.js';

/** What strangers say to a port, and what the log should tell. */
const strangers: Readonly<Record<string, readonly [bytes: string | Uint8Array, RegExp]>> = {
  'an HTTP client': ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', /no hello/],
  'a TLS client': [Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3), /no hello/],
  garbage: [new Uint8Array(100_000).fill(0xa5), /no hello/],
};

for (const scheme of ['tcp', 'ws']) {
  const address = `${scheme}://127.0.0.1:0`;

  t.test(`${scheme}: a port scanner leaves one line in the log and no more`, async (t) => {
    const { uri, warnings, connections } = await listen(t, address);
    const socket = await rawSocket(t, uri);
    socket.resume();
    socket.end();
    t.match(await warnings.next(), /refused a connection.*127\.0\.0\.1:\d+.*closed the connection/);
    t.strictSame(warnings.texts, []);
    t.equal(connections.length, 0);
  });

  t.test(`${scheme}: one that says nothing has only so much time`, async (t) => {
    const { uri, warnings } = await listen(t, address, { handshakeTimeoutMs: 30 });
    const socket = await rawSocket(t, uri);
    await untilEnd(socket);
    t.match(await warnings.next(), /within 30 ms/);
    t.strictSame(warnings.texts, []);
  });

  t.test(`${scheme}: any number that say nothing keep nobody out`, async (t) => {
    const { uri, warnings, accepted } = await listen(t, address, { maxPending: 2 });
    const silent = [await rawSocket(t, uri), await rawSocket(t, uri), await rawSocket(t, uri)];
    await untilEnd(silent[0]!);
    t.match(await warnings.next(), /2 newer connections have not said yet what they are/);
    const guest = await join(t, uri);
    await accepted(0);
    await untilEnd(silent[1]!);
    t.equal(silent[2]!.destroyed, false, 'the youngest has its time');
    await guest.connection.close();
  });

  t.test(`${scheme}: a listener that is closed lets go of who said nothing`, async (t) => {
    const { uri, warnings, listener } = await listen(t, address);
    const silent = await rawSocket(t, uri);
    const ended = untilEnd(silent);
    // It was accepted for certain when a later one was served.
    await join(t, uri);
    await listener.close();
    await ended;
    t.match(await warnings.next(), /listened on no more/);
  });
}

for (const [who, [bytes, why]] of Object.entries(strangers)) {
  t.test(`tcp: ${who} ends with a reason, nobody else is disturbed`, async (t) => {
    const { uri, warnings, accepted, sinks, connections } = await listen(t, 'tcp://127.0.0.1:0');
    const guest = await join(t, uri);
    await accepted(0);
    const socket = await rawSocket(t, uri);
    socket.write(bytes);
    await untilEnd(socket);
    t.match(await warnings.next(), why);
    guest.connection.send(message(10));
    await sinks[0]!.until(() => sinks[0]!.frames.length === 1);
    t.strictSame([connections.length, warnings.texts.length], [1, 0]);
  });
}

t.test('a greeting byte by byte is one, and frames right behind it are frames', async (t) => {
  const { uri, accepted, sinks } = await listen(t, 'tcp://127.0.0.1:0');
  const socket = await rawSocket(t, uri);
  for (const byte of 'hello, frame') {
    socket.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.write(Buffer.concat([Buffer.from('s!\n'), message(9, 1), message(9, 2).subarray(0, 5)]));
  await accepted(0);
  await sinks[0]!.until(() => sinks[0]!.frames.length === 1);
  socket.end();
  t.match(await sinks[0]!.closed(), { message: /middle of a message, 5 bytes/ });
});

t.test('a huge length ends the connection before anything is reserved for it', async (t) => {
  const { uri, accepted, sinks } = await listen(t, 'tcp://127.0.0.1:0', { maxFrameBytes: 1000 });
  for (const [i, length] of [1001, 0x0fff_ffff, 0xffff_ffff, 0].entries()) {
    const socket = await rawSocket(t, uri);
    const header = Buffer.alloc(4);
    header.writeUInt32LE(length);
    socket.write(Buffer.concat([Buffer.from('hello, frames!\n'), header]));
    await accepted(i);
    t.match(await sinks[i]!.closed(), { code: 'VFU_PROTOCOL_VIOLATION' }, `${length}`);
    socket.destroy();
  }
});

t.test('a client notices that the other side is no device', async (t) => {
  const { createServer } = await import('node:net');
  const server = createServer((socket) => socket.end('SSH-2.0-x\r\n')).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await t.rejects(join(t, `tcp://127.0.0.1:${port}`), { code: 'VFU_PROTOCOL_VIOLATION' });
  server.removeAllListeners('connection').on('connection', (socket) => socket.end());
  await t.rejects(join(t, `tcp://127.0.0.1:${port}`), {
    code: 'VFU_PEER_CLOSED',
    message: /before its greeting/,
  });
  server.removeAllListeners('connection').on('connection', (socket) => {
    t.teardown(() => socket.destroy());
  });
  await t.rejects(join(t, `tcp://127.0.0.1:${port}`, { handshakeTimeoutMs: 20 }), {
    code: 'VFU_TIMEOUT',
  });
});
