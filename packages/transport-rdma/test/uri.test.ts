import { parseUri } from '@vfio-user/core/transport';
import { tcpTransport } from '@vfio-user/transport-tcp';
import type { GidInfo } from 'node-rdma-ffi';
import t from 'tap';
import { chooseAdapter } from '../src/endpoint/adapter-choice.js';
import { boundUri, parseTarget } from '../src/rdma-uri.js';
import type { DeviceDescription, PortDescription } from '../src/verbs.js';
import { FakeFabric } from './fake-fabric.js';

const target = (uri: string) => parseTarget(parseUri(uri), tcpTransport());

t.test('the bootstrap connection is plain, or secure if there is a certificate', async (t) => {
  const plain = target('rdma://10.0.0.1:7000?device=mlx5_0&gid-index=3&fallback=never&timeout=5s');
  t.match(plain, { host: '10.0.0.1', device: 'mlx5_0', gidIndex: 3, fallsBack: false });
  t.equal(plain.bootstrap.href, 'tcp://10.0.0.1:7000?timeout=5s');
  const secure = target('rdma://[2001:db8::1]:7000?ca=ca.pem&cert=a.pem&key=a.key');
  t.match(secure, { host: '2001:db8::1', device: undefined, gidIndex: undefined, fallsBack: true });
  t.equal(secure.bootstrap.href, 'tls://[2001:db8::1]:7000?ca=ca.pem&cert=a.pem&key=a.key');
  const zoned = target('rdma://[fe80::1%eth0]:7000?device=mlx5_0');
  t.match(zoned, { host: 'fe80::1%eth0' });
  t.equal(zoned.bootstrap.href, 'tcp://[fe80::1%eth0]:7000');
});

t.test('a listener says its port, and what it was asked for', async (t) => {
  const asked = new URL('rdma://127.0.0.1:0?fallback=never');
  t.equal(boundUri(asked, 'tcp://127.0.0.1:4567'), 'rdma://127.0.0.1:4567?fallback=never');
  const zoned = parseUri('rdma://[fe80::1%eth0]:0');
  t.equal(boundUri(zoned, 'tcp://[fe80::1%25eth0]:1'), 'rdma://[fe80::1%25eth0]:1');
});

t.test('what makes no sense is refused with what would', async (t) => {
  t.throws(() => target('rdma://h:1?fallback=maybe'), { code: 'VFU_CONFIG_INVALID' });
  t.throws(() => target('rdma://h:1?gid-index=x'), { message: /ibv_devinfo/ });
  const nothing = { ...tcpTransport(), schemes: ['unix'] };
  t.throws(() => parseTarget(new URL('rdma://h:1'), nothing as never), {
    message: /no transport for tcp:/,
  });
});

/** Verbs with these devices. */
function withDevices(devices: readonly DeviceDescription[]): FakeFabric {
  const fabric = new FakeFabric();
  fabric.probe = () => ({ available: true, devices });
  return fabric;
}

function port(number: number, state: PortDescription['state'], ...gids: string[]): PortDescription {
  const described = gids.map((gid, index): GidInfo => ({ index, gid, type: 'roce-v2' }));
  return { number, state, gids: described };
}

t.test('the first adapter that is connected is used, or the named one', async (t) => {
  const fabric = withDevices([
    { name: 'dark', ports: [port(1, 'down', 'fe80::1')] },
    { name: 'lit', ports: [port(1, 'down'), port(2, 'active', 'fe80::2', '::ffff:10.0.0.2')] },
  ]);
  t.strictSame(chooseAdapter(fabric, target('rdma://10.0.0.9:1')), {
    device: 'lit',
    port: 2,
    gidIndex: 1,
  });
  t.throws(() => chooseAdapter(fabric, target('rdma://h:1?device=dark')), {
    message: /dark has no active port/,
  });
  t.throws(() => chooseAdapter(fabric, target('rdma://h:1?device=none')), {
    message: /no RDMA device none here, known are: dark, lit/,
  });
  t.throws(() => chooseAdapter(fabric, target('rdma://h:1?gid-index=7')), {
    message: /lit has no GID 7, known are: 0 \(fe80::2, roce-v2\), 1/,
  });
});

t.test('the GID of the address in the URI is preferred', async (t) => {
  const gids = ['fe80::1', '::ffff:10.0.0.1', '::ffff:10.1.0.1', '2001:db8::5'];
  const fabric = withDevices([{ name: 'a', ports: [port(1, 'active', ...gids)] }]);
  const indexFor = (host: string) => chooseAdapter(fabric, target(`rdma://${host}:1`)).gidIndex;
  t.equal(indexFor('10.1.0.1'), 2);
  t.equal(indexFor('[2001:db8:0::5]'), 3);
  t.equal(indexFor('elsewhere'), 1, 'otherwise an IPv4 one');
});
