import { networkInterfaces } from 'node:os';
import { parseUri } from '@vfio-user/core/transport';
import t from 'tap';
import { parseEndpoint } from '../src/address/endpoint.js';
import { tcpTransport } from '../src/index.js';
import { framing, join, listen, message, Recorder } from './support.js';

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
  t.match(parseEndpoint(parseUri('vsock://2:4294967294')), { cid: 2, port: 0xffff_fffe });
  for (const scheme of ['tcp', 'tls', 'ws', 'wss']) {
    const endpoint = parseEndpoint(parseUri(`${scheme}://[fe80::1%25eth0]:7000`));
    t.match(endpoint, { scheme, host: 'fe80::1%eth0', port: 7000 });
  }
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
    ['ws://host:1?host=*.example', /a \* has no meaning here/],
    ['ws://host:1?host=a:65536', /the last port is 65535/],
    ['ws://host:1?origin=https://*.example', /a \* has no meaning here/],
    ['tcp://host:65536', /the last port of tcp: is 65535/],
    ['ws://host:65536/x', /the last port of ws: is 65535/],
    ['tcp://host:port', /the port is a number/],
    ['tcp://:7000', /expected tcp:\/\/host:port/],
    ['tcp://::1:7000', /brackets/],
    ['vsock://2:4294967295', /the last port of vsock: is 4294967294/],
    ['vsock://host:1', /number of a machine/],
    ['vsock://4294967295:1', /number of a machine/],
  ] as const) {
    t.throws(() => parseEndpoint(parseUri(uri)), { code: 'VFU_CONFIG_INVALID', message: why }, uri);
  }
  for (const uri of ['tcp://127.0.0.1:0', 'vsock://any:1']) {
    await t.rejects(
      tcpTransport().connect(new URL(uri), () => new Recorder(), { framing }),
      { code: 'VFU_CONFIG_INVALID', message: /for listening/ },
      uri,
    );
  }
});

t.test('options that make no sense are refused', async (t) => {
  t.throws(() => tcpTransport({ backlog: -1 }), { code: 'VFU_CONFIG_INVALID' });
  t.throws(() => tcpTransport({ lowWaterBytes: 2, highWaterBytes: 1 }), /lowWaterBytes/);
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
    tcpTransport().connect(new URL(uri), () => new Recorder(), { framing });
  await t.rejects(connect('tcp://no-such-host.invalid:1'), /there is no host/);
  await t.rejects(connect('tcp://127.0.0.1:1'), /127\.0\.0\.1:1.*nobody listens/);
  await t.rejects(listen(t, 'tcp://192.0.2.1:1', { insecure: true }), /does not have that address/);
});

t.test('an address of one network needs the interface it is behind', async (t) => {
  await t.rejects(join(t, 'tcp://[fe80::1]:7000'), {
    code: 'VFU_CONFIG_INVALID',
    message: /say by which interface, for example \[fe80::1%25\w+\]\. This machine has .*lo/,
  });
  for (const systemCalls of [true, false]) {
    const options = { systemCalls, connectTimeoutMs: 1000 };
    await t.rejects(join(t, 'tcp://[fe80::1%25no-such]:7000', options), /cannot connect to/);
  }
  await t.rejects(join(t, 'tcp://[fe80::1%25no-such]:7000'), /has no network interface no-such/);
});

t.test('frames pass between addresses with a zone', async (t) => {
  const hosts = ['[::1%25lo]', '[::1%lo]', linkLocal()].filter((host) => host !== undefined);
  for (const host of hosts) {
    for (const scheme of ['tcp', 'ws']) {
      for (const systemCalls of [true, false]) {
        const options = { systemCalls, insecure: true };
        const { listener, accepted, sinks } = await listen(t, `${scheme}://${host}:0`, options);
        t.match(listener.uri, new RegExp(`^${scheme}://\\[[\\da-f:]+%25\\w+\\]:[1-9]`));
        const { connection } = await join(t, listener.uri, options);
        connection.send(message(100, 5));
        await accepted(0);
        await sinks[0]!.until(() => sinks[0]!.frames.length === 1);
        t.pass(`${listener.uri} ${systemCalls}`);
      }
    }
  }
});

/** A link-local address of this machine with its zone, if it has one. */
function linkLocal(): string | undefined {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const { address } of addresses ?? []) {
      if (/^fe[89ab]/i.test(address)) return `[${address}%25${name}]`;
    }
  }
  return undefined;
}
