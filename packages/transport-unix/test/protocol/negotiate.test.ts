import t from 'tap';
import { CAPABILITIES, openDescriptors, serveTestDevice } from './fixture.js';
import { until } from './gate.js';
import { errnoOf, payloadOf } from './raw-client.js';
import * as request from './requests.js';
import {
  DEVICE_GET_INFO,
  EBUSY,
  EINVAL,
  frame,
  MIB,
  REGION_READ,
  struct,
  u16,
  VERSION,
} from './wire.js';

/** The payload of a VERSION request with one capability. */
function offering(capability: string): Buffer {
  return request.version(0, 1, `{"capabilities":{${capability}}}`);
}

t.test('what is refused as a first message', async (t) => {
  const fixture = await serveTestDevice(t);
  const cases: readonly (readonly [title: string, command: number, payload: Buffer])[] = [
    ['no payload', VERSION, Buffer.alloc(0)],
    ['half a version', VERSION, u16(0)],
    ['an unknown command', 999, Buffer.alloc(0)],
    ['a command that has its time later', DEVICE_GET_INFO, request.deviceInfo()],
    ['a register access', REGION_READ, request.regionRead(0, 0, 4)],
    ['another major version', VERSION, request.version(999, 0)],
    ['capabilities without their NUL', VERSION, request.version(0, 1, '{}', '')],
    ['half an object', VERSION, request.version(0, 1, '{')],
    ['half a string', VERSION, request.version(0, 1, '"')],
    ['a NUL alone', VERSION, request.version(0, 1, '')],
    ['capabilities that are a string', VERSION, request.version(0, 1, '{"capabilities":"foo"}')],
    ['max_msg_fds that is a string', VERSION, offering('"max_msg_fds":"foo"')],
    ['a negative max_msg_fds', VERSION, offering('"max_msg_fds":-1')],
    ['max_msg_fds above any kernel', VERSION, offering('"max_msg_fds":1025')],
    ['max_data_xfer_size 0', VERSION, offering('"max_data_xfer_size":0')],
    ['a negative max_data_xfer_size', VERSION, offering('"max_data_xfer_size":-1')],
    ['migration that is a string', VERSION, offering('"migration":"foo"')],
    ['a migration page size that is a string', VERSION, offering('"migration":{"pgsize":"foo"}')],
    ['a migration page size that is none', VERSION, offering('"migration":{"pgsize":4095}')],
    ['a twin socket that is a number', VERSION, offering('"twin_socket":1')],
  ];
  for (const [title, command, payload] of cases) {
    await t.test(`${title}: EINVAL, then the connection ends`, async (t) => {
      const client = fixture.client();
      t.equal(await client.refusal(command, payload, { id: 0x1234 }), EINVAL);
      await client.closed();
      client.close();
    });
  }
  await t.test('after all that a proper client is served', async () => {
    await fixture.connected();
  });
});

t.test('nothing that comes behind a refused VERSION is carried out', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = fixture.client();
  const bad = frame(VERSION, request.version(9, 0), { id: 1 });
  const good = frame(VERSION, request.version(0, 1), { id: 2 });
  const map = frame(2, request.dmaMap({ address: 0, size: 4096 }), { id: 3 });
  await client.send(struct(bad, good, map));
  t.equal(errnoOf(await client.reply(VERSION, 1)), EINVAL);
  await client.closed();
  t.equal(client.waiting, 0);
  t.strictSame(
    fixture.device.takeCalls().filter((call) => call.startsWith('map')),
    [],
  );
});

t.test('an impossible length before VERSION ends the connection', async (t) => {
  const fixture = await serveTestDevice(t);
  for (const size of [0, 15, MIB + 0x1_0000, 0xffff_ffff]) {
    const client = fixture.client();
    await client.send(frame(VERSION, Buffer.alloc(0), { size }));
    await client.closed();
    client.close();
  }
  await fixture.connected();
});

t.test('VERSION with a descriptor is refused and the descriptor closed', async (t) => {
  const fixture = await serveTestDevice(t);
  const fd = fixture.eventFd();
  const before = openDescriptors();
  const client = fixture.client();
  t.equal(await client.refusal(VERSION, request.version(0, 1), { fds: [fd] }), EINVAL);
  await client.closed();
  client.close();
  await fixture.idle();
  t.equal(openDescriptors(), before);
});

t.test('without capabilities the defaults are meant, and the reply states ours', async (t) => {
  const fixture = await serveTestDevice(t, { limits: { maxDmaMaps: 1000 } });
  const reply = await fixture.client().negotiate();
  t.equal(reply.readUInt16LE(0), 0);
  t.equal(reply.readUInt16LE(2), 1, 'the minor version is the lower one');
  t.equal(reply.at(-1), 0);
  const text = reply.toString('utf8', 4, reply.length - 1);
  t.match(JSON.parse(text), {
    capabilities: { max_msg_fds: 16, max_data_xfer_size: MIB, max_dma_maps: 1000, pgsizes: 4096 },
  });
});

t.test('a higher minor version is answered with our own', async (t) => {
  const fixture = await serveTestDevice(t);
  const reply = await fixture.client().call(VERSION, request.version(0, 999));
  t.equal(reply.readUInt16LE(2), 2);
});

t.test('unusual capabilities are accepted', async (t) => {
  const fixture = await serveTestDevice(t);
  for (const json of [
    '{}',
    '{"capabilities":{}}',
    '{"capabilities":{"max_msg_fds":1024,"max_data_xfer_size":1048576}}',
    '{"capabilities":{"max_msg_fds":0,"something_new":{"a":[1]}},"more":1}',
    '{"capabilities":{"twin_socket":{"supported":true}}}',
    `${CAPABILITIES}   `,
  ]) {
    const client = await fixture.connected(json);
    client.close();
    await fixture.idle();
  }
  t.equal(fixture.server.statistics().clientsServed, 6);
});

t.test('the reply to QEMU is no longer than what QEMU sent', async (t) => {
  const fixture = await serveTestDevice(t);
  const json =
    '{"capabilities": {"pgsizes": 4096, "max_msg_fds": 16, "max_dma_maps": 65535, ' +
    '"max_data_xfer_size": 1048576, "migration": {"max_bitmap_size": 268435456, ' +
    '"pgsize": 4096}, "write_multiple": true}}';
  const reply = await fixture.client().call(VERSION, request.version(0, 0, json));
  t.equal(reply.readUInt16LE(2), 0, 'QEMU refuses a minor version above its own');
  t.ok(reply.length <= 4 + json.length + 1);
  t.notMatch(reply.toString(), 'twin_socket');
});

t.test('VERSION in two pieces is one message, and no client before it is whole', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = fixture.client();
  const message = frame(VERSION, request.version(0, 1, CAPABILITIES), { id: 7 });
  await client.send(message.subarray(0, 9));
  const other = await fixture.connected();
  t.equal(fixture.server.statistics().silentConnections, 1, 'the first piece is there');
  other.close();
  await fixture.idle();
  await client.send(message.subarray(9));
  payloadOf(await client.reply(VERSION, 7));
});

t.test('a second VERSION is refused, the session goes on', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  t.equal(await client.refusal(VERSION, request.version(0, 1)), EINVAL);
  t.equal((await client.call(DEVICE_GET_INFO, request.deviceInfo())).length, 16);
});

t.test('a client that says nothing is not waited for', async (t) => {
  const fixture = await serveTestDevice(t, { limits: { negotiationTimeoutMs: 30 } });
  await fixture.client().closed();
});

t.test('connections that say nothing keep nobody out, and the oldest makes room', async (t) => {
  const fixture = await serveTestDevice(t, { limits: { maxSilentConnections: 2 } });
  const silent = [fixture.client(), fixture.client(), fixture.client()];
  await silent[0]!.closed();
  t.equal(fixture.server.statistics().silentConnections, 2);
  const client = await fixture.connected();
  t.equal((await client.call(DEVICE_GET_INFO, request.deviceInfo())).length, 16);
  t.equal(fixture.server.statistics().clientsServed, 1);
});

t.test('waiting clients that have gone are noticed while they wait', async (t) => {
  const fixture = await serveTestDevice(t, {
    limits: { maxWaitingClients: 2, busyTimeoutMs: 60_000 },
  });
  const first = await fixture.connected();
  const waiting = (count: number) =>
    until(() => fixture.server.statistics().clientsWaiting === count, `${count} wait`);
  for (let round = 0; round < 5; round++) {
    const clients = [fixture.client(), fixture.client()];
    for (const client of clients) {
      await client.send(frame(VERSION, request.version(0, 1), { id: 1 }));
    }
    await waiting(2);
    for (const client of clients) client.close();
    await waiting(0);
  }
  const next = fixture.client();
  await next.send(frame(VERSION, request.version(0, 1), { id: 1 }));
  await waiting(1);
  first.close();
  payloadOf(await next.reply(VERSION, 1));
});

t.test('a client for whom there is no room to wait is told that the device is busy', async (t) => {
  const fixture = await serveTestDevice(t, { limits: { maxWaitingClients: 0 } });
  await fixture.connected();
  const client = fixture.client();
  t.equal(await client.refusal(VERSION, request.version(0, 1)), EBUSY);
  await client.closed();
});

t.test('a client that does not wait for the answer to VERSION loses its place', async (t) => {
  const fixture = await serveTestDevice(t, { limits: { busyTimeoutMs: 60_000 } });
  await fixture.connected();
  const client = fixture.client();
  await client.send(
    struct(
      frame(VERSION, request.version(0, 1), { id: 1 }),
      frame(DEVICE_GET_INFO, request.deviceInfo(), { id: 2 }),
    ),
  );
  await client.closed();
  t.equal(fixture.server.statistics().clientsWaiting, 0);
});

t.test('a second client waits for its turn', async (t) => {
  const fixture = await serveTestDevice(t);
  const first = await fixture.connected();
  const second = fixture.client();
  await second.send(frame(VERSION, request.version(0, 1), { id: 1 }));
  await first.call(DEVICE_GET_INFO, request.deviceInfo());
  t.equal(second.waiting, 0);
  first.close();
  payloadOf(await second.reply(VERSION, 1));
});

t.test('a second client that waited in vain is told that the device is busy', async (t) => {
  const fixture = await serveTestDevice(t, { limits: { busyTimeoutMs: 20 } });
  const first = await fixture.connected();
  const second = fixture.client();
  t.equal(await second.refusal(VERSION, request.version(0, 1)), EBUSY);
  await second.closed();
  await first.call(DEVICE_GET_INFO, request.deviceInfo());
});
