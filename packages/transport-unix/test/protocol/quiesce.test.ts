import { RequestRefusedError } from '@vfio-user/core';
import t, { type Test } from 'tap';
import { type Fixture, serveTestDevice } from './fixture.js';
import { Gate, tryWrite, until } from './gate.js';
import { errnoOf, payloadOf, type RawClient } from './raw-client.js';
import * as request from './requests.js';
import {
  CONFIG,
  DEVICE_FEATURE,
  DEVICE_GET_INFO,
  DEVICE_RESET,
  DMA_MAP,
  DMA_UNMAP,
  EINVAL,
  ENOTTY,
  frame,
  PAGE,
  REGION_READ,
  REGION_WRITE,
  struct,
  u16,
  u32,
} from './wire.js';

const page = { address: 0x1000, size: PAGE };

/** Device control of the PCI Express capability, which comes first. */
const DEVICE_CONTROL = 0x48;
const INITIATE_FLR = 0x8000;

/** A client with a page of shared memory at 0x1000, and a device that is not quiet by itself. */
async function withMemory(t: Test) {
  const fixture = await serveTestDevice(t, { device: { migration: true, express: true } });
  const client = await fixture.connected();
  const fds = [fixture.memory(PAGE)];
  await client.call(DMA_MAP, request.dmaMap(page), { fds });
  fixture.device.takeCalls();
  return { fixture, client, fds };
}

async function seen({ device }: Fixture, call: string): Promise<void> {
  const calls: string[] = [];
  await until(() => calls.push(...device.takeCalls()) > 0 && calls.includes(call), call);
}

const STATE_CHANGES: readonly (readonly [title: string, command: number, payload: Buffer])[] = [
  ['DMA_MAP', DMA_MAP, request.dmaMap({ address: 0x8000, size: PAGE })],
  ['DMA_UNMAP', DMA_UNMAP, request.dmaUnmap(page)],
  ['DEVICE_RESET', DEVICE_RESET, Buffer.alloc(0)],
  [
    'a migration state',
    DEVICE_FEATURE,
    request.deviceFeature(request.FEATURE_SET | request.MIG_DEVICE_STATE, struct(u32(1), u32(0))),
  ],
];

t.test('what a device refuses while it becomes quiet is refused to the client', async (t) => {
  for (const [title, command, payload] of STATE_CHANGES) {
    for (const late of [false, true]) {
      const { fixture, client } = await withMemory(t);
      const error = new RequestRefusedError(ENOTTY, 'no');
      fixture.device.onQuiesce = () => {
        if (late) return new Promise((_, reject) => setImmediate(reject, error));
        throw error;
      };
      t.equal(await client.refusal(command, payload), ENOTTY, title);
      t.strictSame(fixture.device.takeCalls(), ['quiesce'], 'nothing else happened');
      t.equal(fixture.server.statistics().dmaMappings, 1);
      fixture.device.onQuiesce = () => {};
      await client.call(command, payload);
    }
  }
});

t.test('the reply comes once the device is quiet, and registers answer meanwhile', async (t) => {
  for (const [, command, payload] of STATE_CHANGES) {
    const { fixture, client } = await withMemory(t);
    const gate = new Gate();
    fixture.device.onQuiesce = () => gate.passed;
    await client.send(frame(command, payload, { id: 77 }));
    await seen(fixture, 'quiesce');
    await client.call(REGION_WRITE, request.regionWrite(0, 0, Buffer.from('wait')), { id: 1 });
    const read = await client.call(REGION_READ, request.regionRead(0, 0, 4), { id: 2 });
    t.equal(read.toString('utf8', 16), 'wait');
    t.strictSame(fixture.device.takeCalls(), []);
    gate.open();
    payloadOf(await client.reply(command, 77));
  }
});

t.test('requests that change state wait for each other, in order', async (t) => {
  const { fixture, client } = await withMemory(t);
  const gate = new Gate();
  fixture.device.onQuiesce = () => gate.passed;
  await client.send(
    struct(
      frame(DMA_UNMAP, request.dmaUnmap(page), { id: 1 }),
      frame(DMA_UNMAP, request.dmaUnmap(page), { id: 2 }),
      frame(DEVICE_GET_INFO, request.deviceInfo(), { id: 3 }),
      frame(REGION_READ, request.regionRead(0, 0, 4), { id: 4 }),
    ),
  );
  await client.reply(REGION_READ, 4);
  gate.open();
  payloadOf(await client.reply(DMA_UNMAP, 1));
  t.equal(errnoOf(await client.reply(DMA_UNMAP, 2)), 2, 'it is gone by then');
  await client.reply(DEVICE_GET_INFO, 3);
});

t.test('a request that waits is answered from what it said when it came', async (t) => {
  const { fixture, client } = await withMemory(t);
  const gate = new Gate();
  fixture.device.onQuiesce = () => gate.passed;
  await client.send(frame(DEVICE_RESET, undefined, { id: 1 }));
  const probe = request.deviceFeature(request.FEATURE_PROBE | 1, Buffer.from('12345678'));
  await client.send(frame(DEVICE_FEATURE, probe, { id: 2 }));
  for (let i = 0; i < 100; i++) {
    await client.call(REGION_WRITE, request.regionWrite(0, 0, Buffer.alloc(1000, i)), { id: 3 });
  }
  gate.open();
  await client.reply(DEVICE_RESET, 1);
  t.strictSame((await client.reply(DEVICE_FEATURE, 2)).payload, probe);
});

t.test('more requests than may wait are taken later, none is lost', async (t) => {
  const fixture = await serveTestDevice(t, { limits: { maxDeferredRequests: 4 } });
  const client = await fixture.connected();
  const gate = new Gate();
  fixture.device.onQuiesce = () => gate.passed;
  await client.send(frame(DEVICE_RESET, undefined, { id: 1 }));
  for (let id = 2; id < 40; id++) {
    await client.send(frame(DEVICE_GET_INFO, request.deviceInfo(), { id }));
  }
  await seen(fixture, 'quiesce');
  gate.open();
  await client.reply(DEVICE_RESET, 1);
  for (let id = 2; id < 40; id++) await client.reply(DEVICE_GET_INFO, id);
  await client.call(REGION_READ, request.regionRead(0, 0, 4));
});

t.test('a device may use guest memory while it is told of changes', async (t) => {
  for (const busy of [false, true]) {
    const { fixture, client, fds } = await withMemory(t);
    const { device } = fixture;
    const used: string[] = [];
    const use = (iova: number): void => {
      used.push(`0x${iova.toString(16)} ${tryWrite(device.host.dma, iova, Buffer.alloc(8))}`);
    };
    if (busy) device.onQuiesce = () => new Promise((resolve) => setImmediate(resolve));
    device.host.dma.onMap((iova) => use(Number(iova)));
    device.host.dma.onUnmap((iova) => use(Number(iova)));
    device.onReset = () => use(0x1000);
    device.onTransition = () => use(0x1000);
    await client.call(DMA_MAP, request.dmaMap({ address: 0x4000, size: PAGE }), { fds });
    await client.call(DMA_UNMAP, request.dmaUnmap({ address: 0x4000, size: PAGE }));
    await client.call(DEVICE_RESET);
    const [, command, payload] = STATE_CHANGES[3] ?? [];
    await client.call(command ?? 0, payload);
    t.strictSame(used, ['0x4000 true', '0x4000 true', '0x1000 true', '0x1000 true']);
  }
});

t.test('a reset over guest memory that needs messages gets its answers', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await client.call(DMA_MAP, request.dmaMap(page));
  fixture.device.onReset = () => fixture.device.host.dma.write(0x1000, Buffer.alloc(4));
  await client.send(frame(DEVICE_RESET, undefined, { id: 1 }));
  const asked = await client.receive();
  t.equal(asked.command, 12);
  const reply = frame(asked.command, asked.payload.subarray(0, 16), { id: asked.id, flags: 1 });
  await client.send(reply);
  payloadOf(await client.reply(DEVICE_RESET, 1));
});

async function functionLevelReset(client: RawClient): Promise<void> {
  const write = request.regionWrite(CONFIG, DEVICE_CONTROL, u16(INITIATE_FLR));
  await client.call(REGION_WRITE, write);
}

t.test('a function-level reset is answered first, then the device becomes quiet', async (t) => {
  const { fixture, client } = await withMemory(t);
  const gate = new Gate();
  fixture.device.onQuiesce = () => gate.passed;
  let usable: boolean | undefined;
  fixture.device.onReset = () => {
    usable = tryWrite(fixture.device.host.dma, 0x1000, Buffer.alloc(1));
  };
  await functionLevelReset(client);
  t.strictSame(fixture.device.takeCalls(), ['quiesce']);
  gate.open();
  await client.call(DEVICE_GET_INFO, request.deviceInfo());
  t.strictSame(fixture.device.takeCalls(), ['reset function-level']);
  t.equal(usable, true, 'guest memory is there during the reset');
  t.equal(fixture.server.statistics().dmaMappings, 1, 'and after it');
});

t.test('a reset brings configuration space back, what the client wired up stays', async (t) => {
  for (const reset of [
    (client: RawClient) => client.call(DEVICE_RESET),
    (client: RawClient) => functionLevelReset(client),
  ]) {
    const { fixture, client } = await withMemory(t);
    await client.call(REGION_WRITE, request.regionWrite(CONFIG, 4, u16(0x0406)));
    await reset(client);
    const command = await client.call(REGION_READ, request.regionRead(CONFIG, 4, 2));
    t.equal(command.readUInt16LE(16), 0);
    t.equal(fixture.server.statistics().dmaMappings, 1);
  }
});

t.test('a device that fails its reset says so', async (t) => {
  const { fixture, client } = await withMemory(t);
  fixture.device.onReset = () => {
    throw new RequestRefusedError(EINVAL, 'no');
  };
  t.equal(await client.refusal(DEVICE_RESET), EINVAL);
  await functionLevelReset(client);
  await client.call(DEVICE_GET_INFO, request.deviceInfo());
});
