import t from 'tap';
import { openDescriptors, serveTestDevice } from './fixture.js';
import { Gate } from './gate.js';
import { errnoOf } from './raw-client.js';
import * as request from './requests.js';
import {
  DEVICE_GET_INFO,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  DMA_MAP,
  DMA_READ,
  DMA_WRITE,
  EINVAL,
  ERROR,
  frame,
  MIB,
  MSIX,
  NO_REPLY,
  REGION_READ,
  REGION_WRITE,
  REPLY,
  struct,
} from './wire.js';

t.test(
  'an impossible length ends the connection, as nothing after it can be trusted',
  async (t) => {
    const fixture = await serveTestDevice(t);
    for (const size of [0, 15, MIB + 0x1_0000, 0xffff_ffff]) {
      const client = await fixture.connected();
      await client.send(frame(DEVICE_GET_INFO, request.deviceInfo(), { size }));
      await client.closed();
      client.close();
      await fixture.idle();
      t.strictSame(fixture.device.takeCalls(), ['quiesce', 'reset connection-lost']);
    }
  },
);

t.test('unknown commands are refused, the session goes on', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  for (const command of [0, 14, 19, 999, 0xffff]) {
    t.equal(await client.refusal(command, Buffer.alloc(1)), EINVAL, `command ${command}`);
    t.equal(await client.refusal(command), EINVAL, `command ${command} without payload`);
  }
  t.equal((await client.call(DEVICE_GET_INFO, request.deviceInfo())).length, 16);
});

t.test('commands that only a server sends are refused', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const access = struct(Buffer.alloc(8), Buffer.from([4, 0, 0, 0, 0, 0, 0, 0]));
  t.equal(await client.refusal(DMA_READ, access), EINVAL);
  t.equal(await client.refusal(DMA_WRITE, struct(access, Buffer.alloc(4))), EINVAL);
});

t.test('a message type that does not exist is refused', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  for (const flags of [2, 0xf]) {
    await client.send(frame(DEVICE_GET_INFO, request.deviceInfo(), { id: 5, flags }));
    t.equal(errnoOf(await client.reply(DEVICE_GET_INFO, 5)), EINVAL);
  }
});

t.test('a reply that nobody asked for is ignored', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  await client.send(frame(DEVICE_GET_INFO, request.deviceInfo(), { id: 1, flags: REPLY }));
  await client.send(frame(DMA_READ, Buffer.alloc(3), { id: 2, flags: REPLY }));
  await client.send(frame(999, Buffer.alloc(0), { id: 3, flags: REPLY }));
  await client.send(frame(DMA_READ, undefined, { id: 4, flags: REPLY | ERROR }));
  t.equal((await client.call(DEVICE_GET_INFO, request.deviceInfo(), { id: 5 })).length, 16);
});

t.test('a payload that a command cannot do without is missed', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  for (let command = 2; command <= 18; command++) {
    if (command === DEVICE_RESET) continue;
    t.equal(await client.refusal(command), EINVAL, `command ${command}`);
  }
});

t.test('id and command are echoed, whatever the id', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  for (const id of [0, 0xffff, 7, 7]) {
    await client.call(DEVICE_GET_INFO, request.deviceInfo(), { id });
    t.equal(await client.refusal(999, undefined, { id }), EINVAL);
  }
});

t.test('descriptors of a refused request are closed', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const fds = [fixture.eventFd(), fixture.eventFd()];
  const before = openDescriptors();
  const flags = request.DATA_BOOL | request.ACTION_TRIGGER;
  const payload = request.setIrqs({ index: MSIX, flags, count: 2 });
  t.equal(await client.refusal(DEVICE_SET_IRQS, payload, { fds }), EINVAL);
  t.equal(openDescriptors(), before);
});

t.test('descriptors with a command that has no use for them are closed', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const fds = [fixture.eventFd(), fixture.eventFd()];
  const before = openDescriptors();
  await client.call(REGION_READ, request.regionRead(0, 0, 4), { fds });
  await client.call(DEVICE_GET_INFO, request.deviceInfo(), { fds });
  t.equal(openDescriptors(), before);
});

t.test('with No_reply nothing comes back, not even what went wrong', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const post = (command: number, payload?: Buffer): Promise<void> =>
    client.send(frame(command, payload, { flags: NO_REPLY, id: 1 }));
  await post(REGION_WRITE, request.regionWrite(0, 0x20, Buffer.from('data')));
  await post(REGION_WRITE, request.regionWrite(0, 0x5000, Buffer.from('gone')));
  await post(REGION_WRITE, request.regionWrite(0, 0, Buffer.from('x'), 9));
  await post(REGION_READ, request.regionRead(0, 0, 4));
  await post(DMA_MAP, request.dmaMap({ address: 0, size: 4096 }));
  await post(DMA_MAP, request.dmaMap({ address: 1, size: 1 }));
  await post(999);
  const reply = await client.call(REGION_READ, request.regionRead(0, 0x20, 4), { id: 2 });
  t.equal(reply.toString('utf8', 16), 'data', 'the first message back is the one asked for');
  t.equal(fixture.server.statistics().dmaMappings, 1);
});

t.test('requests glued together are answered in order', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  await client.send(
    struct(
      frame(DEVICE_GET_INFO, request.deviceInfo(), { id: 1 }),
      frame(REGION_READ, request.regionRead(0, 0, 4), { id: 2 }),
      frame(999, undefined, { id: 3 }),
      frame(DEVICE_GET_INFO, request.deviceInfo(), { id: 4 }),
    ),
  );
  await client.reply(DEVICE_GET_INFO, 1);
  await client.reply(REGION_READ, 2);
  await client.reply(999, 3);
  await client.reply(DEVICE_GET_INFO, 4);
});

t.test('a device that fails unexpectedly answers EIO', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  fixture.device.onRegisterWrite = () => {
    throw new Error('a bug of the device');
  };
  const write = request.regionWrite(0, 0, Buffer.alloc(4));
  t.equal(await client.refusal(REGION_WRITE, write), 5);
  t.equal((await client.call(DEVICE_GET_INFO, request.deviceInfo())).length, 16);
});

t.test('a client that leaves is noticed: quiesce, reset, and the next one is served', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  client.close();
  await fixture.idle();
  t.strictSame(fixture.device.takeCalls(), ['quiesce', 'reset connection-lost']);
  await fixture.connected();
});

t.test('a client that leaves is not let go before the device is quiet', async (t) => {
  const fixture = await serveTestDevice(t);
  const gate = new Gate();
  const client = await fixture.connected();
  fixture.device.onQuiesce = () => gate.passed;
  client.close();
  const next = fixture.client();
  await next.send(frame(1, request.version(0, 1), { id: 1 }));
  gate.open();
  await next.reply(1, 1);
  t.strictSame(fixture.device.takeCalls(), ['quiesce', 'reset connection-lost']);
});

t.test(
  'a device that refuses to be quiet is reset all the same once its client left',
  async (t) => {
    const fixture = await serveTestDevice(t);
    const client = await fixture.connected();
    await client.call(DMA_MAP, request.dmaMap({ address: 0, size: 4096 }));
    fixture.device.onQuiesce = () => {
      throw new Error('not now');
    };
    fixture.device.takeCalls();
    client.close();
    await fixture.idle();
    t.strictSame(fixture.device.takeCalls(), [
      'quiesce',
      'reset connection-lost',
      'unmap 0x0 4096',
    ]);
  },
);
