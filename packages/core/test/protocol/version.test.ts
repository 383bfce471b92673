import fc from 'fast-check';
import t from 'tap';
import { EINVAL } from '../../src/errno.js';
import { VfioUserError } from '../../src/errors.js';
import {
  type Capabilities,
  DEFAULT_CAPABILITIES,
  OWN_CAPABILITIES,
} from '../../src/protocol/capabilities.js';
import type { Encoding } from '../../src/protocol/encoding.js';
import { NativeEncoding } from '../../src/protocol/native/native-encoding.js';
import { PortableEncoding } from '../../src/protocol/portable/portable-encoding.js';
import { accept, negotiate, offer } from '../../src/protocol/version.js';

const QEMU =
  '{"capabilities": {"pgsizes": 4096, "max_msg_fds": 16, "max_dma_maps": 65535, ' +
  '"max_data_xfer_size": 1048576, "migration": {"max_bitmap_size": 268435456, "pgsize": 4096}, ' +
  '"write_multiple": true}}';

/** What a client with these capabilities gets. */
const serve = (capabilities: string | undefined, own: Capabilities = OWN_CAPABILITIES) =>
  negotiate({ major: 0, minor: 1, capabilities }, own, capabilities?.length);

const capabilities = (members: object): string => JSON.stringify({ capabilities: members });

t.test('a client that sends no JSON has the capabilities of the specification', async (t) => {
  for (const text of [undefined, '{}', '{"capabilities":{}}', '{"other":1}']) {
    t.strictSame(serve(text).peer, {
      maxMsgFds: 1,
      maxDataXferSize: 1_048_576,
      maxDmaMaps: 65_535,
      pgsizes: 4096,
      writeMultiple: false,
      twinSocket: false,
    });
  }
});

t.test("QEMU's capabilities are understood", async (t) => {
  t.strictSame(serve(QEMU).peer, { ...DEFAULT_CAPABILITIES, maxMsgFds: 16, writeMultiple: true });
});

t.test('the minor version is the lesser one, another major version is refused', async (t) => {
  const minor = (minor: number) => negotiate({ major: 0, minor }, OWN_CAPABILITIES);
  t.match(minor(0), { minor: 0, reply: { major: 0, minor: 0 } });
  t.match(minor(1), { minor: 1, reply: { major: 0, minor: 1 } });
  t.match(minor(999), { minor: 2, reply: { major: 0, minor: 2 } });
  for (const major of [1, 999]) {
    t.throws(() => negotiate({ major, minor: 0 }, OWN_CAPABILITIES), {
      code: 'VFU_REQUEST_REFUSED',
      errno: EINVAL,
      message: `the client speaks vfio-user ${major}.0, this server 0.2`,
    });
  }
});

t.test('version data that is no JSON object is refused', async (t) => {
  for (const text of ['', '{', '"', '"x"', '[]', 'null', '1', '['.repeat(100_000)]) {
    t.throws(() => serve(text), { errno: EINVAL, message: /^VERSION request: / }, text.slice(0, 9));
  }
});

t.test('capabilities of a wrong type or value are refused by name', async (t) => {
  const bad: readonly [unknown, RegExp][] = [
    ['foo', /capabilities/],
    [[], /capabilities/],
    [null, /capabilities/],
    [{ max_msg_fds: 'foo' }, /capabilities\.max_msg_fds/],
    [{ max_msg_fds: null }, /max_msg_fds/],
    [{ max_msg_fds: -1 }, /max_msg_fds/],
    [{ max_msg_fds: 1025 }, /max_msg_fds/],
    [{ max_msg_fds: 1.5 }, /max_msg_fds/],
    [{ max_data_xfer_size: '1048576' }, /max_data_xfer_size/],
    [{ max_data_xfer_size: 0 }, /max_data_xfer_size/],
    [{ max_data_xfer_size: -1 }, /max_data_xfer_size/],
    [{ max_data_xfer_size: 0.5 }, /max_data_xfer_size/],
    [{ max_dma_maps: '1' }, /max_dma_maps/],
    [{ max_dma_maps: -1 }, /max_dma_maps/],
    [{ pgsizes: '4096' }, /pgsizes/],
    [{ pgsizes: 0 }, /pgsizes/],
    [{ pgsizes: 4097 }, /pgsizes/],
    [{ write_multiple: 1 }, /write_multiple/],
    [{ twin_socket: true }, /twin_socket/],
    [{ twin_socket: { supported: 1 } }, /twin_socket\.supported/],
    [{ migration: 'foo' }, /migration/],
    [{ migration: { pgsize: 'foo' } }, /migration\.pgsize/],
    [{ migration: { pgsize: 4095 } }, /migration\.pgsize/],
  ];
  for (const [members, message] of bad) {
    const text = JSON.stringify({ capabilities: members });
    t.throws(() => serve(text), { code: 'VFU_REQUEST_REFUSED', errno: EINVAL, message }, text);
  }
});

t.test('capabilities at their limits are accepted, huge ones clamped', async (t) => {
  t.equal(serve(capabilities({ max_msg_fds: 0 })).peer.maxMsgFds, 0);
  t.equal(serve(capabilities({ max_msg_fds: 1024 })).peer.maxMsgFds, 1024);
  t.equal(serve(capabilities({ max_data_xfer_size: 1 })).peer.maxDataXferSize, 1);
  t.equal(serve(capabilities({ max_data_xfer_size: 1e300 })).peer.maxDataXferSize, 0xffff_ffff);
  t.equal(serve(capabilities({ max_dma_maps: 1e300 })).peer.maxDmaMaps, 0xffff_ffff);
  t.equal(serve(capabilities({ pgsizes: 0x4020_1000 })).peer.pgsizes, 0x4020_1000);
  t.equal(serve(capabilities({ twin_socket: { supported: true } })).peer.twinSocket, true);
  t.match(serve(capabilities({ migration: {} })).peer, DEFAULT_CAPABILITIES);
});

t.test('unknown capabilities are ignored', async (t) => {
  const text = '{"x":1,"capabilities":{"sparse_mmap_fds":true,"__proto__":{"pgsizes":1},"y":null}}';
  t.strictSame(serve(text).peer, DEFAULT_CAPABILITIES);
});

t.test('the reply states what the server can do', async (t) => {
  t.strictSame(JSON.parse(serve(undefined).reply.capabilities ?? ''), {
    capabilities: {
      max_data_xfer_size: 1_048_576,
      max_msg_fds: 16,
      max_dma_maps: 65_535,
      pgsizes: 4096,
    },
  });
});

t.test('the reply offers no more than the client did', async (t) => {
  const reply = (text: string, own?: Capabilities) =>
    JSON.parse(serve(text, own).reply.capabilities ?? '').capabilities;
  t.equal(reply(QEMU).write_multiple, true);
  t.equal(reply(QEMU, { ...OWN_CAPABILITIES, writeMultiple: false }).write_multiple, undefined);
  t.equal(reply(capabilities({ max_dma_maps: 10, pgsizes: 4096, migration: {} })).max_dma_maps, 10);
  t.equal(reply(QEMU, { ...OWN_CAPABILITIES, maxDmaMaps: 64 }).max_dma_maps, 64);
  t.equal(reply(capabilities({ twin_socket: { supported: true } })).twin_socket, undefined);
});

t.test("the reply fits the buffer of QEMU's request, whole", async (t) => {
  t.equal(QEMU.length + 1, 194, 'with its NUL');
  const text = serve(QEMU).reply.capabilities ?? '';
  t.ok(text.length < 180, `${text.length} characters`);
  t.strictSame(Object.keys(JSON.parse(text).capabilities), [
    'max_data_xfer_size',
    'max_msg_fds',
    'write_multiple',
    'max_dma_maps',
    'pgsizes',
  ]);
});

t.test('a short request gets a reply as short, that never claims too much', async (t) => {
  const rustVmm = capabilities({
    max_msg_fds: 1,
    max_data_xfer_size: 1_048_576,
    migration: { pgsize: 4096 },
  });
  const shortened = serve(rustVmm).reply.capabilities ?? '';
  t.ok(shortened.length <= rustVmm.length);
  t.match(JSON.parse(shortened).capabilities, { max_msg_fds: 16, max_data_xfer_size: 1_048_576 });

  t.equal(serve('{"capabilities":{}}').reply.capabilities, '{"capabilities":{}}');

  const little = {
    ...OWN_CAPABILITIES,
    maxMsgFds: 0,
    maxDataXferSize: 4096,
    maxDmaMaps: 8,
    pgsizes: 65_536,
  };
  t.strictSame(
    JSON.parse(serve('{}', little).reply.capabilities ?? ''),
    {
      capabilities: {
        max_data_xfer_size: 4096,
        max_msg_fds: 0,
        max_dma_maps: 8,
        pgsizes: 65_536,
      },
    },
    'what the client must know is said all the same',
  );
});

t.test('an offer is accepted by our own server', async (t) => {
  const request = offer(OWN_CAPABILITIES);
  t.match(request, { major: 0, minor: 2 });
  const { peer, reply } = negotiate(request, OWN_CAPABILITIES);
  t.strictSame(peer, OWN_CAPABILITIES);
  t.strictSame(accept(reply), { minor: 2, peer: OWN_CAPABILITIES });
});

t.test('a client takes an older minor version and a reply without JSON', async (t) => {
  t.strictSame(accept({ major: 0, minor: 0 }), { minor: 0, peer: DEFAULT_CAPABILITIES });
  const libvfioUser = '{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576}}';
  t.match(accept({ major: 0, minor: 1, capabilities: libvfioUser }), { peer: { maxMsgFds: 8 } });
});

t.test('a client refuses a reply that is not within its offer', async (t) => {
  for (const reply of [
    { major: 1, minor: 0 },
    { major: 0, minor: 3 },
    { major: 0, minor: 2, capabilities: '{' },
    { major: 0, minor: 2, capabilities: capabilities({ max_msg_fds: '8' }) },
    { major: 0, minor: 2, capabilities: capabilities({ twin_socket: { supported: true } }) },
  ]) {
    t.throws(() => accept(reply), { code: 'VFU_PROTOCOL_VIOLATION' }, JSON.stringify(reply));
  }
});

t.test('any text is negotiated or refused', async () => {
  const member = fc.oneof(fc.json(), fc.double().map(String), fc.constant('"x"'));
  const key = fc.constantFrom('max_msg_fds', 'max_data_xfer_size', 'pgsizes', 'twin_socket');
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.tuple(key, member).map(([key, value]) => `{"capabilities":{"${key}":${value}}}`),
  );
  fc.assert(
    fc.property(text, (text) => {
      try {
        const { reply } = serve(text);
        return JSON.parse(reply.capabilities ?? '') !== undefined;
      } catch (error) {
        return VfioUserError.is(error);
      }
    }),
  );
});

t.test('only the native encoding keeps the reply as short as the request', async (t) => {
  const request = { major: 0, minor: 2, capabilities: capabilities({ write_multiple: true }) };
  const replyIn = (encoding: Encoding) =>
    negotiate(request, OWN_CAPABILITIES, encoding.versionReplyRoom(request)).reply.capabilities ??
    '';
  t.ok(replyIn(new NativeEncoding()).length <= request.capabilities.length, 'native');
  t.match(JSON.parse(replyIn(new PortableEncoding())), {
    capabilities: { write_multiple: true, max_msg_fds: 16, max_data_xfer_size: 1_048_576 },
  });
});
