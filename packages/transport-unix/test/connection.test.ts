import { readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import {
  addressOf,
  createMemoryFile,
  type FileDescriptor,
  identifyFile,
  MessageSocket,
  SHUT_RD,
  shutdown,
  socketPair,
} from '@vfio-user/posix-ffi';
import t, { type Test } from 'tap';
import { unixTransport } from '../src/index.js';
import {
  connectedPair,
  framing,
  message,
  openDescriptors,
  Recorder,
  socketPath,
  turn,
} from './support.js';

t.test('messages arrive whole and in order, both ways', async (t) => {
  const { client, clientSink, server, serverSink } = await connectedPair(t);
  serverSink.onMessage = ({ bytes, start, length }) => {
    server.send(bytes.subarray(start, start + 5), bytes.subarray(start + 5, start + length));
  };
  const sizes = [5, 6, 100, 4101, 4102, 65_536, 65_537, 1_000_000, 7];
  for (const [index, size] of sizes.entries()) {
    const bytes = message(size, index + 1);
    // Long and short heads, with and without data.
    if (index % 2 === 0) client.send(bytes);
    else client.send(bytes.subarray(0, 6), bytes.subarray(6));
  }
  await clientSink.until(() => clientSink.messages.length === sizes.length);
  for (const [index, size] of sizes.entries()) {
    t.ok(
      Buffer.from(message(size, index + 1)).equals(clientSink.messages[index]!),
      `${size} bytes`,
    );
  }
});

t.test('a connection says what it can and who is there', async (t) => {
  const { client } = await connectedPair(t, unixTransport({ maxFrameBytes: 1000 }));
  t.strictSame(client.capabilities, {
    fdPassing: true,
    sharedMemory: true,
    oneSidedMemory: false,
    orderedNotifications: false,
    maxFrameBytes: 1000,
    maxDescriptors: 253,
  });
  t.match(client.peer, new RegExp(`process ${process.pid} of user ${process.geteuid?.()}`));
  t.ok(client.resources);
});

t.test('answers to requests that came together all leave', async (t) => {
  const { client, clientSink, server, serverSink } = await connectedPair(t);
  serverSink.onMessage = ({ bytes, start }) => {
    // The last one is not answered: nothing follows that the others could wait for.
    const number = bytes[start + 5] as number;
    if (number < 20) server.send(message(5 + number), message(number === 10 ? 70_000 : 6));
  };
  client.send(Buffer.concat(Array.from({ length: 21 }, (_, i) => message(6, i))));
  const sizes = Array.from({ length: 20 }, (_, i) => [5 + i, i === 10 ? 70_000 : 6]).flat();
  await clientSink.until(() => clientSink.messages.length === sizes.length);
  t.strictSame(
    clientSink.messages.map(({ length }) => length),
    sizes,
  );
});

t.test('a peer that only stopped reading is noticed', async (t) => {
  const [a, b] = socketPair();
  const sink = new Recorder();
  const uri = new URL(`fd:${a.number}`);
  const connection = await unixTransport().connect(uri, () => sink, { framing });
  shutdown(b, SHUT_RD);
  connection.send(message(5));
  new MessageSocket(b).send(addressOf(message(9)), 9, 0, 0);
  t.match(await sink.closed(), { code: 'VFU_PEER_CLOSED', message: /reads no more/ });
  t.equal(sink.messages.length, 1, 'what it said before counts');
  b.close();
});

t.test('head and data may be changed once send() returned and the frame left', async (t) => {
  const { client, serverSink } = await connectedPair(t);
  const bytes = message(20_000, 7);
  client.send(bytes.subarray(0, 5), bytes.subarray(5));
  bytes.fill(0, 5);
  await serverSink.until(() => serverSink.messages.length === 1);
  t.ok(Buffer.from(message(20_000, 7)).equals(serverSink.messages[0]!));
});

t.test('descriptors stay with their message, also through a full socket', async (t) => {
  const before = openDescriptors();
  const { client, server, serverSink, listener } = await connectedPair(t);
  server.pause();
  const count = 6;
  for (let i = 0; i < count; i++) {
    const bytes = message(i % 2 === 0 ? 300_000 : 50, i);
    bytes[4] = 1;
    const files = [createMemoryFile('a', (i + 1) * 4096), createMemoryFile('b', 4096)];
    client.send(bytes, undefined, i === 3 ? [] : files);
    if (i === 3) for (const file of files) file.close();
  }
  server.resume();
  await serverSink.until(() => serverSink.messages.length === count);
  const sizes = serverSink.descriptors.map((files) =>
    files.map((file) => Number(identifyFile(file as FileDescriptor).size) / 4096),
  );
  t.strictSame(sizes, [[1, 1], [2, 1], [3, 1], [], [5, 1], [6, 1]]);
  for (const files of serverSink.descriptors) for (const file of files) file.close();
  await Promise.all([client.close(), server.close(), listener.close()]);
  t.equal(openDescriptors(), before, 'none is left over on either side');
});

t.test('descriptors that cannot be sent are refused and closed', async (t) => {
  const { client, clientSink } = await connectedPair(t);
  const files = Array.from({ length: 254 }, () => createMemoryFile('x', 4096));
  t.throws(() => client.send(message(5), undefined, files), { code: 'VFU_UNSUPPORTED' });
  t.ok(files.every((file) => file.closed));

  let closed = 0;
  const foreign = {
    close() {
      closed += 1;
    },
  };
  const own = createMemoryFile('y', 4096);
  t.throws(() => client.send(message(5), undefined, [own, foreign]), { code: 'VFU_UNSUPPORTED' });
  t.ok(own.closed);
  t.ok(closed > 0);

  await client.close();
  const late = createMemoryFile('late', 4096);
  t.equal(client.send(message(5), undefined, [late]), true);
  t.ok(late.closed, 'after the end they are closed');
  t.strictSame(clientSink.closes, [undefined]);
});

t.test('back-pressure: full, drained, and bounded', async (t) => {
  const transport = unixTransport({
    highWaterBytes: 100_000,
    lowWaterBytes: 50_000,
    maxQueuedBytes: 1_000_000,
  });
  const { client, clientSink, server, serverSink } = await connectedPair(t, transport);
  server.pause();
  let sent = 0;
  while (client.send(message(10_000))) sent += 1;
  sent += 1;
  await turn();
  t.equal(clientSink.drained, 0, 'nobody reads: not drained');
  server.resume();
  await clientSink.until(() => clientSink.drained === 1);
  await serverSink.until(() => serverSink.messages.length === sent);
  t.equal(clientSink.drained, 1);

  server.pause();
  for (let i = 0; i < 1000 && clientSink.closes.length === 0; i++) {
    client.send(message(10_000));
    if (i % 50 === 0) await turn();
  }
  t.match(await clientSink.closed(), { code: 'VFU_PEER_CLOSED', message: /unread/ });
});

t.test('a paused connection delivers nothing, and afterwards everything', async (t) => {
  const { client, server, serverSink } = await connectedPair(t);
  serverSink.onMessage = () => {
    if (serverSink.messages.length === 2) server.pause();
  };
  // One system call each way: the rest is in the receiver's buffer when it pauses.
  client.send(Buffer.concat([message(10, 1), message(10, 2), message(10, 3), message(10, 4)]));
  await serverSink.until(() => serverSink.messages.length === 2);
  await turn();
  await client.close();
  await turn();
  t.equal(serverSink.messages.length, 2);
  t.strictSame(serverSink.closes, []);
  server.resume();
  t.equal(serverSink.messages.length, 2, 'not from within resume()');
  t.equal(await serverSink.closed(), undefined);
  t.strictSame(
    serverSink.messages.map((bytes) => bytes[9]),
    [1, 2, 3, 4],
  );
});

t.test('what a peer sent before it left counts, also when it cannot be answered', async (t) => {
  const { client, clientSink, server, serverSink } = await connectedPair(t);
  serverSink.onMessage = () => {
    if (serverSink.messages.length === 1) server.pause();
    else server.send(message(5));
  };
  client.send(Buffer.concat([message(10, 1), message(10, 2)]));
  await serverSink.until(() => serverSink.messages.length === 1);
  await turn();
  // The second is in the buffer of the server, which pauses, and the third in that of the socket.
  client.send(message(10, 3));
  client.abort(new Error('gone'));
  await clientSink.closed();
  server.resume();
  t.equal(await serverSink.closed(), undefined);
  t.strictSame(
    serverSink.messages.map((bytes) => bytes[9]),
    [1, 2, 3],
  );
});

t.test('a peer that left after its greeting is heard out before ours can be sent', async (t) => {
  const [a, b] = socketPair();
  const said = Buffer.concat([Uint8Array.of(7), message(9, 1)]);
  new MessageSocket(b).send(addressOf(said), said.length, 0, 0);
  b.close();
  const sink = new Recorder();
  const handshake = () => ({
    greeting: Uint8Array.of(7),
    consume: (bytes: Uint8Array) => (bytes[0] === 7 ? 1 : undefined),
  });
  const uri = new URL(`fd:${a.number}`);
  await unixTransport().connect(uri, () => sink, { framing, handshake });
  t.equal(await sink.closed(), undefined);
  t.strictSame(sink.messages, [message(9, 1)]);
});

t.test('a peer that leaves something unread still ends in order', async (t) => {
  const { client, clientSink, server, serverSink } = await connectedPair(t);
  client.pause();
  server.send(message(10));
  client.abort(new Error('gone'));
  await clientSink.closed();
  t.equal(await serverSink.closed(), undefined);
});

t.test('what leaves a full socket late shows that the peer lives', async (t) => {
  const { client, server, serverSink } = await connectedPair(t);
  server.pause();
  client.send(message(2_000_000));
  t.equal(client.bytesMoved, 0);
  server.resume();
  await serverSink.until(() => serverSink.messages.length === 1);
  t.ok((client.bytesMoved ?? 0) > 1_000_000, `${client.bytesMoved} bytes`);
});

t.test('close() sends what is queued, then ends both sides without an error', async (t) => {
  const { client, clientSink, serverSink } = await connectedPair(t);
  for (let i = 0; i < 20; i++) client.send(message(100_000, i));
  await Promise.all([client.close(), client.close()]);
  t.equal(await clientSink.closed(), undefined);
  t.equal(await serverSink.closed(), undefined);
  t.equal(serverSink.messages.length, 20);
});

t.test('close() does not wait for a peer that never reads', async (t) => {
  const { client, clientSink, server } = await connectedPair(
    t,
    unixTransport({ closeTimeoutMs: 20 }),
  );
  server.pause();
  client.send(message(2_000_000));
  await client.close();
  t.match(await clientSink.closed(), { code: 'VFU_TIMEOUT', message: /did not read the last/ });
});

t.test('abort() ends at once, tells its sink why, exactly once, and not from within', async (t) => {
  const { client, clientSink, serverSink } = await connectedPair(t);
  client.abort(new Error('enough'));
  client.abort(new Error('again'));
  t.strictSame(clientSink.closes, []);
  t.match(await clientSink.closed(), { message: 'enough' });
  t.equal(await serverSink.closed(), undefined);
  await client.close();
  await turn();
  t.equal(clientSink.closes.length, 1);
  t.equal(client.send(message(5)), true);
});

t.test('a handler that throws ends its own connection only', async (t) => {
  const { client, clientSink, serverSink } = await connectedPair(t);
  serverSink.onMessage = () => {
    throw new Error('a bug');
  };
  client.send(message(5));
  t.match(await serverSink.closed(), { message: 'a bug' });
  t.equal(await clientSink.closed(), undefined);
});

t.test('a peer that left is noticed while sending, after its last words', async (t) => {
  const { client, clientSink, server, serverSink } = await connectedPair(t);
  client.send(message(9, 1));
  client.abort(new Error('gone'));
  await clientSink.closed();
  t.equal(server.send(message(5)), true);
  t.equal(server.send(message(5)), true);
  t.equal(await serverSink.closed(), undefined);
  t.equal(serverSink.messages.length, 1);
});

t.test('a sender waiting for a paused peer learns that it left', async (t) => {
  const { client, clientSink, server, serverSink } = await connectedPair(t);
  server.pause();
  client.pause();
  while (client.send(message(100_000)));
  server.abort(new Error('gone'));
  await serverSink.closed();
  await clientSink.closed();
  t.equal(clientSink.drained, 0);
});

t.test('impossible and cut off messages end the connection with an error', async (t) => {
  const transport = unixTransport({ maxFrameBytes: 100 });
  for (const [bytes, code] of [
    [message(101), 'VFU_PROTOCOL_VIOLATION'],
    [new Uint8Array(8), 'VFU_PROTOCOL_VIOLATION'],
    [new Uint8Array(8).fill(255), 'VFU_PROTOCOL_VIOLATION'],
    [message(50).subarray(0, 49), 'VFU_PEER_CLOSED'],
    [message(50).subarray(0, 2), 'VFU_PEER_CLOSED'],
  ] as const) {
    const { client, serverSink } = await connectedPair(t, transport);
    client.send(message(60));
    client.send(bytes);
    await client.close();
    t.match(await serverSink.closed(), { code });
    t.equal(serverSink.messages.length, 1, 'the good one before was delivered');
  }
});

t.test('promises of a handler run before the next message', async (t) => {
  const { client, serverSink } = await connectedPair(t);
  const order: string[] = [];
  serverSink.onMessage = ({ bytes, start }) => {
    const name = bytes[start + 5];
    order.push(`message ${name}`);
    void Promise.resolve().then(() => order.push(`promise ${name}`));
  };
  for (let i = 0; i < 20; i++) {
    client.send(message(6, i));
    await serverSink.until(() => serverSink.messages.length === i + 1);
    await turn();
  }
  t.strictSame(
    order,
    Array.from({ length: 20 }, (_, i) => [`message ${i}`, `promise ${i}`]).flat(),
  );
});

t.test('waiting actively does not keep the event loop from other work', async (t) => {
  const transport = unixTransport({ maxSpinUs: 10_000_000 });
  const { client, clientSink, server, serverSink } = await connectedPair(t, transport);
  serverSink.onMessage = () => void server.send(message(5));
  for (let i = 0; i < 50; i++) {
    client.send(message(5));
    await clientSink.until(() => clientSink.messages.length === i + 1);
  }
  // Both ends would now try for seconds on end.
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 1));
  t.ok(performance.now() - started < 1000);
});

t.test(
  'timers, signals, files and other connections get their turn while peers never pause',
  async (t) => {
    const floods = [await connectedPair(t), await connectedPair(t)];
    for (const { client, clientSink, server, serverSink } of floods) {
      serverSink.onMessage = () => void server.send(message(5));
      clientSink.onMessage = () => void client.send(message(5));
      for (let i = 0; i < 8; i++) client.send(message(5));
    }
    const flooded = () => floods.every(({ serverSink }) => serverSink.messages.length > 1000);
    while (!flooded()) await turn();
    const other = await connectedPair(t);
    other.client.send(message(9));
    await other.serverSink.until(() => other.serverSink.messages.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 1));
    t.ok((await readFile('/proc/self/stat')).length > 0);
    const signalled = new Promise((resolve) => process.once('SIGUSR2', resolve));
    process.kill(process.pid, 'SIGUSR2');
    await signalled;
    for (const { clientSink } of floods) clientSink.onMessage = () => {};
    t.pass('all of them');
  },
);

t.test('a hundred peers, half of them vanishing mid-message, leave nothing open', async (t) => {
  await vanishingPeers(t, 2); // what Node itself opens for its first sockets
  const before = openDescriptors();
  await vanishingPeers(t, 100);
  t.equal(openDescriptors(), before);
});

async function vanishingPeers(t: Test, count: number): Promise<void> {
  const { path, uri } = socketPath(t);
  const sinks: Recorder[] = [];
  const listener = await unixTransport().listen(
    uri,
    () => {
      const sink = new Recorder();
      sinks.push(sink);
      return sink;
    },
    { framing },
  );
  for (let i = 0; i < count; i++) {
    const socket = createConnection(path);
    await new Promise((resolve) => socket.once('connect', resolve));
    const sent = i % 2 === 0 ? message(40) : message(40).subarray(0, 1 + (i % 39));
    await new Promise((resolve) => socket.write(sent, resolve));
    socket.destroy();
    await new Promise((resolve) => socket.once('close', resolve));
    while (sinks.length <= i) await turn();
    const error = await sinks[i]?.closed();
    if ((error === undefined) !== (i % 2 === 0)) t.fail(`peer ${i}: ${error?.message}`);
  }
  await listener.close();
  t.equal(sinks.filter(({ messages }) => messages.length === 1).length, count / 2);
}
