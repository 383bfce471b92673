import { once } from 'node:events';
import {
  createServer as createHttpServer,
  get,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { hostname } from 'node:os';
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

/** Ask for the upgrade as a browser or another program would, and tell what came of it. */
function upgrade(uri: URL, headers: OutgoingHttpHeaders): Promise<string> {
  const socket = new WebSocket(`ws://${uri.host}${uri.pathname}`, { headers });
  return new Promise((resolve) => {
    socket.once('open', () => {
      socket.terminate();
      resolve('open');
    });
    socket.once('unexpected-response', (_request, { statusCode }) => {
      socket.on('error', () => {}).terminate();
      resolve(String(statusCode));
    });
  });
}

/** Ask for a page under the name `host`. */
async function page({ host: address }: URL, host: string): Promise<IncomingMessage> {
  const [response] = await once(get(`http://${address}/`, { headers: { host } }), 'response');
  return (response as IncomingMessage).resume();
}

t.test('a web page gets in only if the URI allows it', async (t) => {
  const { uri, warnings, connections } = await listen(t, 'ws://127.0.0.1:0/device');
  for (const origin of [
    'http://evil.example',
    `http://${uri.host}`,
    'null',
    'chrome-extension://x',
  ]) {
    t.equal(await upgrade(uri, { origin }), '403', origin);
    t.match(await warnings.next(), /it was sent by a web page of .* origin= in the URI/, origin);
  }
  t.equal(await upgrade(uri, { 'sec-websocket-origin': 'http://evil.example' }), '403');
  t.match(await warnings.next(), /evil\.example/);
  t.strictSame(warnings.texts, [], 'one line each');
  t.equal(connections.length, 0, 'and the device hears of none');

  const query = 'origin=https://console.example:443,http://localhost:8080';
  const open = await listen(t, `ws://127.0.0.1:0/device?${query}`);
  for (const origin of ['https://console.example', 'http://localhost:8080']) {
    t.equal(await upgrade(open.uri, { origin }), 'open', origin);
  }
  for (const origin of ['http://console.example', 'https://console.example.evil.example']) {
    t.equal(await upgrade(open.uri, { origin }), '403', origin);
  }
});

t.test('a server answers to its own names only', async (t) => {
  const address = 'ws://127.0.0.1:0/device?host=devices.example,other.example:8443';
  const { uri } = await listen(t, address);
  const own = ['127.0.0.1:1', '[::1]', 'localhost:80', hostname(), 'other.example:8443'];
  for (const host of [...own, 'DEVICES.example.', 'devices.example:9']) {
    t.equal(await upgrade(uri, { host }), 'open', host);
  }
  const { uri: other, warnings } = await listen(t, address);
  const foreign = ['evil.example', '192.0.2.1', 'other.example:1', 'localhost.evil.example'];
  for (const host of [...foreign, 'a b', ':80']) {
    t.equal(await upgrade(other, { host }), '403', host);
    t.match(await warnings.next(), /it asked for the host .* host= in the URI adds one/, host);
  }
  t.equal((await page(other, 'evil.example')).statusCode, 403, 'and a page of it reads nothing');
  t.match(await warnings.next(), /evil\.example/);
});

t.test('a request with two names for the server has none', async (t) => {
  const { uri, warnings } = await listen(t, 'ws://127.0.0.1:0/device');
  const socket = connect(Number(uri.port), uri.hostname);
  socket.write(`GET /device HTTP/1.1\r\nHost: ${uri.host}\r\nHost: evil.example\r\n\r\n`);
  const [answer] = await once(socket, 'data');
  t.match(String(answer), /^HTTP\/1.1 403/);
  t.match(await warnings.next(), /it asked for the host .*127\.0\.0\.1:\d+, evil\.example/);
  socket.destroy();
});

t.test('a client is told what a refused name needs', async (t) => {
  const server = createHttpServer();
  server.on('upgrade', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
  server.listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await t.rejects(join(t, `ws://127.0.0.1:${port}/`), /answered 403.*with host=, see its log/);
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
