import { once } from 'node:events';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { WebSocket } from 'ws';
import { join, listen, message } from './support.js';

async function webSocket(t: Test, uri: URL): Promise<WebSocket> {
  const socket = new WebSocket(uri.href);
  t.teardown(() => socket.terminate());
  socket.on('error', () => {});
  await once(socket, 'open');
  return socket;
}

t.test('the messages of a WebSocket are a stream: frames end where they like', async (t) => {
  const { uri, accepted, sinks } = await listen(t, 'ws://127.0.0.1:0/device');
  const socket = await webSocket(t, uri);
  const all = Buffer.concat([Buffer.from('hello, frames!\n'), message(700, 1), message(5, 2)]);
  for (let at = 0; at < all.length; at += 13) socket.send(all.subarray(at, at + 13));
  await accepted(0);
  await sinks[0]!.until(() => sinks[0]!.frames.length === 2);
  t.strictSame(
    sinks[0]!.frames.map(({ length }) => length),
    [700, 5],
  );
  socket.close();
  t.equal(await sinks[0]!.closed(), undefined);
});

t.test('text and messages that are too long end the connection', async (t) => {
  const { uri, accepted, sinks } = await listen(t, 'ws://127.0.0.1:0/', { maxFrameBytes: 1000 });
  for (const [i, data] of ['text', Buffer.alloc(1001)].entries()) {
    const socket = await webSocket(t, uri);
    socket.send(Buffer.from('hello, frames!\n'));
    await accepted(i);
    socket.send(data);
    t.match(await sinks[i]!.closed(), { code: 'VFU_PEER_CLOSED', message: /text|exceeded/ });
  }
});

t.test('what is no WebSocket gets an answer in plain text', async (t) => {
  const { uri, warnings } = await listen(t, 'ws://127.0.0.1:0/device');
  const response = await fetch(`http://${uri.host}/`);
  t.equal(response.status, 426);
  t.match(await response.text(), /vfio-user/);
  t.match(await warnings.next(), /plain HTTP request: GET \//);

  await t.rejects(join(t, `ws://${uri.host}/elsewhere`), /answered 404.*is the path right/);
  t.match(await warnings.next(), /asked for the path \/elsewhere, the device is at \/device/);

  const socket = connect(Number(uri.port), uri.hostname, () => socket.write('nonsense\r\n\r\n'));
  const [answer] = await once(socket, 'data');
  t.match(String(answer), /^HTTP\/1.1 400/);
  t.match(await warnings.next(), /does not speak HTTP/);
});

t.test('a client notices that there is no WebSocket', async (t) => {
  const http = createHttpServer((_, response) => response.end('a web site'));
  http.listen(0, '127.0.0.1');
  t.teardown(() => http.close());
  await once(http, 'listening');
  const { port } = http.address() as { port: number };
  await t.rejects(join(t, `ws://127.0.0.1:${port}/`), /answered 200/);

  const other = createServer((socket) => socket.end('220 mail\r\n')).listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const address = other.address() as { port: number };
  await t.rejects(join(t, `ws://127.0.0.1:${address.port}/`), /does not speak WebSocket/);
});

t.test('a session goes through an HTTP reverse proxy', async (t) => {
  const { uri, accepted, sinks } = await listen(t, 'ws://127.0.0.1:0/device');
  const proxy = createHttpServer();
  proxy.on('upgrade', (request, client: Socket, head) => {
    const headers = { ...request.headers, 'x-forwarded-for': '192.0.2.1' };
    const options = { host: uri.hostname, port: uri.port, path: '/device', headers };
    const upstream = httpRequest(options).end();
    upstream.on('upgrade', (response, server, rest) => {
      const lines = Object.entries(response.headers).map(([name, value]) => `${name}: ${value}`);
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
      server.unshift(rest);
      client.unshift(head);
      server.pipe(client).pipe(server);
      server.on('error', () => client.destroy());
      client.on('error', () => server.destroy());
    });
  });
  proxy.listen(0, '127.0.0.1');
  t.teardown(() => proxy.close());
  await once(proxy, 'listening');
  const { port } = proxy.address() as { port: number };
  const { connection, sink } = await join(t, `ws://127.0.0.1:${port}/public/name`);
  const server = await accepted(0);
  connection.send(message(4));
  server.send(message(300_000, 3));
  await Promise.all([
    sink.until(() => sink.frames.length === 1),
    sinks[0]!.until(() => sinks[0]!.frames.length === 1),
  ]);
  await connection.close();
  t.equal(await sinks[0]!.closed(), undefined);
});
