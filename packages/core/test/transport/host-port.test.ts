import fc from 'fast-check';
import t from 'tap';
import {
  formatHostPort,
  isLoopback,
  parseHostPort,
  withoutZone,
} from '../../src/transport/index.js';

t.test('a host and a port are what RFC 3986 and RFC 6874 say', async (t) => {
  for (const [text, host, port] of [
    ['host:7000', 'host', 7000],
    ['host', 'host', undefined],
    ['host:', 'host', undefined],
    ['host:00080', 'host', 80],
    ['2:4294967294', '2', 4294967294],
    ['192.0.2.1:1', '192.0.2.1', 1],
    ['my_host~1:1', 'my_host~1', 1],
    ['my%2Dhost:1', 'my-host', 1],
    ['b%C3%BCcher.example:1', 'bücher.example', 1],
    ['bücher.example:1', 'bücher.example', 1],
    ['2130706433:1', '2130706433', 1],
    ['[::1]:1', '::1', 1],
    ['[::ffff:192.0.2.1]', '::ffff:192.0.2.1', undefined],
    ['[fe80::1%25eth0]:1', 'fe80::1%eth0', 1],
    ['[fe80::1%eth0]:1', 'fe80::1%eth0', 1],
    ['[fe80::1%ee1]:1', 'fe80::1%ee1', 1],
    ['[fe80::1%25br%2D0]:1', 'fe80::1%br-0', 1],
    ['[fe80::1%2]:1', 'fe80::1%2', 1],
    ['[fe80::1%25]:1', 'fe80::1%25', 1],
    ['[fe80::1%2525]:1', 'fe80::1%25', 1],
  ] as const) {
    t.strictSame(parseHostPort(text), { host, port }, text);
  }
});

t.test('what is no host and port says how to write it', async (t) => {
  for (const [text, why] of [
    ['host:port', /expected host:port, and the port is a number/],
    ['host:-1', /the port is a number/],
    ['::1:7000', /stands in brackets: \[::1:7000\]/],
    ['fe80:0:0:0:0:0:0:1:7000', /stands in brackets: \[fe80:0:0:0:0:0:0:1\]:7000/],
    ['[127.0.0.1]:1', /127\.0\.0\.1 is no IPv6 address/],
    ['[v1.x]:1', /v1\.x is no IPv6 address/],
    ['[::1:1', /expected host:port/],
    ['[fe80::1%]:1', /name of a network interface/],
    ['[fe80::1%25a/b]:1', /name of a network interface/],
    ['[fe80::1%an-interface-of-16]:1', /name of a network interface/],
    ['a b:1', /such characters/],
    ['a%20b:1', /such characters/],
    ['fe80%3A%3A1:1', /such characters/],
    ['a%b:1', /such characters/],
    ['a%ff:1', /two digits of a byte/],
  ] as const) {
    t.throws(() => parseHostPort(text), { code: 'VFU_CONFIG_INVALID', message: why }, text);
  }
});

t.test('what was formatted is parsed again', async () => {
  const zone = fc.stringMatching(/^[a-z][a-z0-9._-]{0,14}$/).map((name) => `%${name}`);
  const ipv6 = fc.tuple(fc.ipV6(), fc.oneof(fc.constant(''), zone)).map((parts) => parts.join(''));
  const host = fc.oneof(fc.domain(), fc.ipV4(), ipv6);
  const port = fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { nil: undefined });
  fc.assert(
    fc.property(host, port, (host, port) => {
      const parsed = parseHostPort(formatHostPort(host, port));
      return parsed.host === host && parsed.port === port;
    }),
  );
});

t.test('other machines do not see a zone', async (t) => {
  t.equal(withoutZone('fe80::1%eth0'), 'fe80::1');
  t.equal(withoutZone('host'), 'host');
});

t.test('loopback is what this machine alone can reach', async (t) => {
  for (const ip of ['127.0.0.1', '127.9.8.7', '::1', '::1%lo', '::ffff:127.0.0.1', '::FFFF:7f00:1'])
    t.ok(isLoopback(ip), ip);
  for (const host of [
    '0.0.0.0',
    '::',
    'fe80::1%lo',
    '10.0.0.1',
    '::ffff:10.0.0.1',
    '128.0.0.1',
    'localhost',
    '',
  ]) {
    t.notOk(isLoopback(host), host);
  }
});
