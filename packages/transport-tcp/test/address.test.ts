import t from 'tap';
import { parseEndpoint } from '../src/address/endpoint.js';
import { isLoopback } from '../src/address/trust.js';
import { tcpTransport } from '../src/index.js';
import { framing, listen, Recorder } from './support.js';

t.test('a URI says where, how and in which encoding', async (t) => {
  t.match(parseEndpoint(new URL('tcp://[::1]:7000/?encoding=native&timeout=2m')), {
    scheme: 'tcp',
    host: '::1',
    port: 7000,
    encoding: 'native',
    peerTimeoutMs: 120_000,
  });
  t.match(parseEndpoint(new URL('wss://host/a/b?ca=a.pem&servername=x&timeout=500ms')), {
    scheme: 'wss',
    host: 'host',
    port: 443,
    path: '/a/b',
    encoding: 'portable',
    tls: { ca: 'a.pem', servername: 'x' },
    peerTimeoutMs: 500,
  });
  t.match(parseEndpoint(new URL('vsock://2:5000')), { cid: 2, port: 5000 });
  t.match(parseEndpoint(new URL('vsock://any:0')), { cid: undefined, port: 0 });
  const transport = tcpTransport();
  t.equal(transport.encodingFor?.(new URL('tcp://h:1')), 'portable');
  t.equal(transport.encodingFor?.(new URL('tcp://h:1?encoding=native')), 'native');
});

t.test('what cannot be meant is refused and says why', async (t) => {
  for (const [uri, why] of [
    ['tcp://host', /expected tcp:\/\/host:port/],
    ['tcp:7000', /no path|expected/],
    ['tcp://host:1/path', /tcp: has no path/],
    ['tcp://user:secret@host:1', /names or secrets/],
    ['tcp://host:1#x', /# has no meaning/],
    ['tcp://host:1?encoding=xml', /encoding/],
    ['tcp://host:1?timeout=10', /500ms, 10s or 2m/],
    ['tcp://host:1?timeout=0s', /zero/],
    ['tcp://host:1?ca=x.pem', /ca/],
    ['ws://host:1?cert=x.pem', /cert/],
    ['vsock://host:1', /number of a machine/],
    ['vsock://4294967295:1', /number of a machine/],
  ] as const) {
    t.throws(() => parseEndpoint(new URL(uri)), { code: 'VFU_CONFIG_INVALID', message: why }, uri);
  }
  for (const uri of ['tcp://127.0.0.1:0', 'vsock://any:1']) {
    await t.rejects(
      tcpTransport().connect(new URL(uri), new Recorder(), { framing }),
      { code: 'VFU_CONFIG_INVALID', message: /for listening/ },
      uri,
    );
  }
});

t.test('options that make no sense are refused', async (t) => {
  t.throws(() => tcpTransport({ backlog: -1 }), { code: 'VFU_CONFIG_INVALID' });
  t.throws(() => tcpTransport({ lowWaterBytes: 2, highWaterBytes: 1 }), /lowWaterBytes/);
});

t.test('loopback is what this machine alone can reach', async (t) => {
  for (const ip of ['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1']) t.ok(isLoopback(ip), ip);
  for (const ip of ['0.0.0.0', '::', '10.0.0.1', '::ffff:10.0.0.1', '128.0.0.1']) {
    t.notOk(isLoopback(ip), ip);
  }
});

t.test('a plain port is not opened to the network, unless someone insists', async (t) => {
  for (const uri of ['tcp://0.0.0.0:0', 'ws://0.0.0.0:0/x', 'tcp://[::]:0']) {
    await t.rejects(listen(t, uri), { code: 'VFU_CONFIG_INVALID', message: /--insecure/ }, uri);
  }
  const host = await listen(t, 'tcp://0.0.0.0:0', { insecure: true });
  t.not(host.uri.port, '0');
});

t.test('hosts that are not there are told from ports where nobody listens', async (t) => {
  const connect = (uri: string) =>
    tcpTransport().connect(new URL(uri), new Recorder(), { framing });
  await t.rejects(connect('tcp://no-such-host.invalid:1'), /there is no host/);
  await t.rejects(connect('tcp://127.0.0.1:1'), /127\.0\.0\.1:1.*nobody listens/);
  await t.rejects(listen(t, 'tcp://192.0.2.1:1', { insecure: true }), /does not have that address/);
});
