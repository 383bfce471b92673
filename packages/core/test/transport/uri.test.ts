import t from 'tap';
import { hostPortOf, parseUri, withPort } from '../../src/transport/index.js';

t.test('host and port are taken as they stand, the rest as URLs have it', async (t) => {
  for (const [text, host, port] of [
    ['tcp://host:7000', 'host', 7000],
    ['tcp://HOST:7000', 'HOST', 7000],
    ['TCP://[::1]:7000', '::1', 7000],
    ['tls://[fe80::1%25eth0]:7000?ca=a.pem', 'fe80::1%eth0', 7000],
    ['rdma://[fe80::1%eth0]:7000', 'fe80::1%eth0', 7000],
    ['ws://[fe80::1%eth0]/path', 'fe80::1%eth0', undefined],
    ['ws://2130706433:80/', '2130706433', 80],
    ['wss://my_host:443/', 'my_host', 443],
    ['vsock://2:4294967294', '2', 4294967294],
    ['vsock://any:70000', 'any', 70000],
    ['vfio-user+tcp://host:1', 'host', 1],
    [' tcp://host:1\n', 'host', 1],
  ] as const) {
    t.strictSame(hostPortOf(parseUri(text)), { host, port }, text);
  }
  t.match(parseUri('ws://name:password@h:1/a b/../c?x=%2F#y'), {
    href: 'ws://name:password@h:1/a%20b/../c?x=%2F#y'.replace('a%20b/../', ''),
    protocol: 'ws:',
    username: 'name',
    password: 'password',
    host: 'h:1',
    pathname: '/c',
    search: '?x=%2F',
    hash: '#y',
  });
  t.equal(parseUri('tls://h:1?ca=a.pem').searchParams.get('ca'), 'a.pem');
  t.match(parseUri('unix:///run/a b'), { host: '', pathname: '/run/a%20b' });
  t.match(parseUri('fd:3'), { host: '', pathname: '3' });
});

t.test('what has another port is written so that it is understood again', async (t) => {
  const asked = parseUri('tls://[fe80::1%eth0]:0?ca=a.pem');
  t.equal(withPort(asked, 7000), 'tls://[fe80::1%25eth0]:7000?ca=a.pem');
  t.equal(withPort(parseUri('vsock://any:0'), 70_000), 'vsock://any:70000');
  t.equal(withPort(new URL('ws://h:80/a'), 81), 'ws://h:81/a');
});

t.test('what is no URI, and what has no host, says how to write it', async (t) => {
  t.throws(() => parseUri('/run/dev.sock'), { message: /Did you mean unix:\/\/\/run\/dev.sock/ });
  t.throws(() => parseUri(undefined as unknown as string), { code: 'VFU_CONFIG_INVALID' });
  t.throws(() => parseUri('7000'), { code: 'VFU_CONFIG_INVALID', message: /not a transport URI/ });
  t.throws(() => hostPortOf(parseUri('tcp://::1:7000')), {
    code: 'VFU_CONFIG_INVALID',
    message: /tcp:\/\/::1:7000: .*brackets/,
  });
});
