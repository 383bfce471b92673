// The relay that makes a line slow.

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import {
  DelayRelay,
  type DelayRelayOptions,
  type HostPort,
  startDelayRelay,
} from '../src/delay-relay/relay.js';

const PIECE_BYTES = 65_536;

async function serve(t: Test, onSocket: (socket: Socket) => void): Promise<HostPort> {
  const server = createServer({ allowHalfOpen: true }, onSocket);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return { host: address.address, port: address.port };
}

const echo = (t: Test): Promise<HostPort> =>
  serve(t, (socket) => {
    socket.setNoDelay(true);
    socket.pipe(socket);
  });

async function relayTo(t: Test, options: DelayRelayOptions): Promise<HostPort> {
  const relay = await DelayRelay.start(options);
  t.teardown(() => relay.close());
  return relay.address;
}

async function open(t: Test, { host, port }: HostPort): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
  t.teardown(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  return socket;
}

async function roundTripMs(socket: Socket): Promise<number> {
  const begin = performance.now();
  socket.write('?');
  await once(socket, 'data');
  return performance.now() - begin;
}

async function fastestRoundTripMs(socket: Socket, count: number): Promise<number> {
  let fastest = Infinity;
  for (let i = 0; i < count; i++) fastest = Math.min(fastest, await roundTripMs(socket));
  return fastest;
}

async function receiveAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Bytes that tell where they belong. */
function numbered(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

for (const [toServerMs, toClientMs] of [
  [0.5, 0.5],
  [3, 17],
] as const) {
  t.test(`a round trip takes ${toServerMs} ms there and ${toClientMs} ms back`, async (t) => {
    const address = await relayTo(t, {
      connect: await echo(t),
      toServer: { delayMs: toServerMs },
      toClient: { delayMs: toClientMs },
    });
    const socket = await open(t, address);
    // The fastest of some: the rest waited for a processor.
    const ms = await fastestRoundTripMs(socket, 40);
    const wanted = toServerMs + toClientMs;
    t.ok(ms >= wanted, `${ms.toFixed(2)} ms are no less than asked for`);
    t.ok(ms < wanted + 3, `${ms.toFixed(2)} ms are hardly more`);
  });
}

t.test('bytes arrive whole and in order, and so does the end of each direction', async (t) => {
  const sent = numbered(8 * 2 ** 20);
  const address = await relayTo(t, {
    connect: await echo(t),
    toServer: { delayMs: 2, maxQueuedBytes: 100_000 },
    toClient: { delayMs: 1, maxQueuedBytes: 100_000 },
  });
  const socket = await open(t, address);
  socket.end(sent);
  t.ok((await receiveAll(socket)).equals(sent), 'what comes back is what was sent');
});

t.test('a direction is no faster than its bandwidth', async (t) => {
  const address = await relayTo(t, {
    connect: await echo(t),
    toServer: { delayMs: 1, bytesPerSecond: 4 * 2 ** 20 },
    toClient: { delayMs: 1 },
  });
  const socket = await open(t, address);
  const begin = performance.now();
  socket.end(numbered(2 ** 20));
  await receiveAll(socket);
  const ms = performance.now() - begin;
  t.ok(ms >= 250, `1 MiB at 4 MiB/s takes ${ms.toFixed(0)} ms, a quarter of a second at least`);
});

t.test('a sender is stopped while the receiver does not read', async (t) => {
  const sent = numbered(64 * 2 ** 20);
  const arrived: Socket[] = [];
  const target = await serve(t, (socket) => arrived.push(socket.pause()));
  const address = await relayTo(t, {
    connect: target,
    toServer: { delayMs: 1, maxQueuedBytes: 100_000 },
    toClient: { delayMs: 1 },
  });
  const socket = await open(t, address);
  let left = 0;
  for (let at = 0; at < sent.length; at += PIECE_BYTES) {
    socket.write(sent.subarray(at, at + PIECE_BYTES), () => {
      left += PIECE_BYTES;
    });
  }
  socket.end();
  // Stopped means: nothing leaves within many turns of the relay.
  for (let before = -1; before < left; ) {
    before = left;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  t.ok(left < sent.length, `${left} of ${sent.length} bytes have left`);
  const [receiver] = arrived as [Socket]; // it got a connection
  t.ok((await receiveAll(receiver)).equals(sent), 'all of it arrives once it is read');
});

t.test('a connection that breaks on one side breaks on the other', async (t) => {
  const target = await serve(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  const line = { delayMs: 1 };
  const address = await relayTo(t, { connect: target, toServer: line, toClient: line });
  const socket = await open(t, address);
  const broken = once(socket.resume(), 'error');
  socket.write('!');
  t.match(await broken, [{ code: 'ECONNRESET' }], 'the client is told');
});

t.test('the relay runs as a process', async (t) => {
  const line = { delayMs: 5 };
  const relay = await startDelayRelay({ connect: await echo(t), toServer: line, toClient: line });
  const [host, port] = relay.address.split(':') as [string, string];
  const socket = await open(t, { host, port: Number(port) });
  t.ok((await roundTripMs(socket)) >= 10, 'it delays');
  socket.destroy();
  t.equal(await relay.stop(), 0, 'it ends when asked to');
});
