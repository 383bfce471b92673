import { createServer } from 'node:net';
import fc from 'fast-check';
import t from 'tap';
import {
  AF_INET6,
  bind,
  internetSocketAddress,
  listen,
  localAddress,
  Poller,
  parseInternetAddress,
  parseVsockAddress,
  remoteAddress,
  SO_KEEPALIVE,
  SOL_SOCKET,
  setSocketOption,
  socketError,
  startConnect,
  streamSocket,
  vsockSocketAddress,
} from '../src/index.js';

const port = fc.integer({ min: 0, max: 0xffff });
const ipv4 = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
  minLength: 8,
  maxLength: 8,
});
const canonical = (host: string): string => new URL(`http://[${host}]`).hostname.slice(1, -1);

t.test('IP addresses survive the way into a sockaddr and back', async (t) => {
  fc.assert(
    fc.property(ipv4, port, (bytes, port) => {
      const address = { host: bytes.join('.'), port };
      t.same(parseInternetAddress(internetSocketAddress(address)), address);
    }),
  );
  fc.assert(
    fc.property(groups, port, (words, port) => {
      const host = canonical(words.map((word) => word.toString(16)).join(':'));
      t.same(parseInternetAddress(internetSocketAddress({ host, port })), { host, port });
    }),
  );
  const loopback = internetSocketAddress({ host: 'fe80::1%lo', port: 1 });
  t.match(parseInternetAddress(loopback), { host: /^fe80::1%[1-9]\d*$/ }, 'by the name of a zone');
  t.throws(() => internetSocketAddress({ host: 'fe80::1%no-such', port: 1 }), {
    message: 'this machine has no network interface no-such',
  });
  t.same(parseInternetAddress(internetSocketAddress({ host: 'fe80::1%2', port: 1 })), {
    host: 'fe80::1%2',
    port: 1,
  });
  t.throws(() => internetSocketAddress({ host: 'localhost', port: 1 }), RangeError);
});

t.test('a sockaddr_in is what the kernel expects', async (t) => {
  const bytes = internetSocketAddress({ host: '127.0.0.1', port: 0x1234 });
  t.equal(Buffer.from(bytes).toString('hex'), '020012347f0000010000000000000000');
  const vsock = vsockSocketAddress({ cid: 2, port: 5000 });
  t.equal(Buffer.from(vsock).toString('hex'), '28000000881300000200000000000000');
  t.same(parseVsockAddress(vsock), { cid: 2, port: 5000 });
});

t.test('a socket knows its two addresses once it is connected', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const socket = streamSocket(2);
  t.teardown(() => socket.close());
  setSocketOption(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  const target = internetSocketAddress({ host: '127.0.0.1', port });
  if (!startConnect(socket, target)) {
    await new Promise<void>((resolve) => {
      const poller = new Poller(socket, () => {
        poller.close();
        resolve();
      });
      poller.watch(false, true);
    });
  }
  t.equal(socketError(socket), 0);
  t.same(parseInternetAddress(remoteAddress(socket)), { host: '127.0.0.1', port });
  t.match(parseInternetAddress(localAddress(socket)), { host: '127.0.0.1', port: Number });
});

t.test('IPv6 and released descriptors', async (t) => {
  const socket = streamSocket(AF_INET6);
  bind(socket, internetSocketAddress({ host: '::1', port: 0 }));
  listen(socket, 1);
  t.match(parseInternetAddress(localAddress(socket)), { host: '::1' });
  t.equal(parseInternetAddress(vsockSocketAddress({ cid: 1, port: 1 })), undefined);
  const number = socket.release();
  t.ok(socket.closed);
  t.throws(() => socket.number);
  const { FileDescriptor } = await import('../src/index.js');
  FileDescriptor.adopt(number).close();
});
