import { existsSync } from 'node:fs';
import t from 'tap';
import { CAPABILITIES, openDescriptors, serveTestDevice } from './fixture.js';
import { Gate, turn, until } from './gate.js';
import * as request from './requests.js';
import { EVENTS_BAR, SPARSE_BAR } from './test-device.js';
import {
  CONFIG,
  DEVICE_GET_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_GET_REGION_IO_FDS,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  DMA_MAP,
  DMA_READ,
  DMA_UNMAP,
  frame,
  INTX,
  MSIX,
  PAGE,
  REGION_READ,
  REGION_WRITE,
  struct,
  u16,
  VERSION,
} from './wire.js';

const TRIGGER_EVENTFD = request.DATA_EVENTFD | request.ACTION_TRIGGER;

t.test('a client killed at any byte, a hundred times, leaves nothing behind', async (t) => {
  const fixture = await serveTestDevice(t);
  const file = fixture.memory(PAGE);
  const events = [fixture.eventFd(), fixture.eventFd()];
  const wiring = request.setIrqs({ index: MSIX, flags: TRIGGER_EVENTFD, count: 2 });
  const session = [
    { bytes: frame(VERSION, request.version(0, 1, CAPABILITIES)) },
    { bytes: frame(DMA_MAP, request.dmaMap({ address: 0, size: PAGE })), fds: [file] },
    { bytes: frame(DEVICE_SET_IRQS, wiring), fds: events },
    { bytes: frame(DMA_MAP, request.dmaMap({ address: PAGE, size: PAGE })) },
    { bytes: frame(DEVICE_GET_REGION_INFO, request.regionInfo(SPARSE_BAR, 80)) },
    { bytes: frame(DEVICE_GET_REGION_IO_FDS, request.regionIoFds(EVENTS_BAR, { argsz: 4096 })) },
    { bytes: frame(REGION_WRITE, request.regionWrite(0, 0, Buffer.alloc(64))) },
  ];
  const total = session.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const before = openDescriptors();
  for (let round = 0; round < 100; round++) {
    const client = fixture.client();
    let left = Math.ceil((total * (round + 1)) / 100);
    for (const { bytes, fds } of session) {
      if (left > 0) await client.send(bytes.subarray(0, left), fds);
      left -= bytes.length;
    }
    await turn();
    // A transfer is under way in some of them.
    void fixture.device.host.dma.read(PAGE, Buffer.alloc(8)).catch(() => {});
    if (round % 2 === 0) await turn();
    client.close();
    if (round % 3 === 0) await fixture.idle();
  }
  const last = await fixture.connected();
  await last.call(DEVICE_GET_INFO, request.deviceInfo());
  t.equal(fixture.server.statistics().dmaMappings, 0);
  last.close();
  await fixture.idle();
  t.equal(openDescriptors(), before);
});

t.test('a client killed while the device reads its memory is followed by the next', async (t) => {
  const fixture = await serveTestDevice(t);
  for (let round = 0; round < 20; round++) {
    const client = await fixture.connected();
    await client.call(DMA_MAP, request.dmaMap({ address: 0, size: PAGE }));
    const failed = t.rejects(fixture.device.host.dma.read(0, Buffer.alloc(8)));
    t.equal((await client.receive()).command, DMA_READ);
    client.close();
    await failed;
  }
});

t.test('a client that is gone while a quiesce is pending keeps the next one waiting', async (t) => {
  const fixture = await serveTestDevice(t);
  const gate = new Gate();
  const client = await fixture.connected();
  fixture.device.onQuiesce = () => gate.passed;
  await client.send(frame(DEVICE_RESET, undefined, { id: 1 }));
  await until(() => fixture.device.takeCalls().includes('quiesce'), 'quiesce');
  client.close();
  const next = fixture.client();
  await next.send(frame(VERSION, request.version(0, 1), { id: 1 }));
  await until(() => fixture.device.takeCalls().includes('quiesce'), 'the loss is noticed');
  t.equal(next.waiting, 0);
  gate.open();
  await next.reply(VERSION, 1);
  t.equal(fixture.device.takeCalls().at(-1), 'reset connection-lost');
  await next.call(DEVICE_GET_INFO, request.deviceInfo());
});

t.test(
  'a client that leaves while the device is told of its memory is cleaned up once',
  async (t) => {
    const fixture = await serveTestDevice(t);
    const client = await fixture.connected();
    fixture.device.host.dma.onMap(() => client.close());
    await client.send(frame(DMA_MAP, request.dmaMap({ address: 0, size: PAGE }), { id: 1 }));
    await fixture.idle();
    t.strictSame(fixture.device.takeCalls(), [
      'quiesce',
      'map 0x0 4096',
      'quiesce',
      'reset connection-lost',
      'unmap 0x0 4096',
    ]);
    t.equal(fixture.server.statistics().dmaMappings, 0);
  },
);

t.test('the next client finds registers, interrupts and memory as after power-on', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const fd = fixture.eventFd();
  const wiring = request.setIrqs({ index: INTX, flags: TRIGGER_EVENTFD, count: 1 });
  await client.call(DEVICE_SET_IRQS, wiring, { fds: [fd] });
  await client.call(DMA_MAP, request.dmaMap({ address: 0, size: PAGE }));
  await client.call(REGION_WRITE, request.regionWrite(CONFIG, 4, u16(0x0406)));
  client.close();
  const next = await fixture.connected();
  const command = await next.call(REGION_READ, request.regionRead(CONFIG, 4, 2));
  t.equal(command.readUInt16LE(16), 0);
  await next.call(DMA_MAP, request.dmaMap({ address: 0, size: 2 * PAGE }));
});

t.test('a client that closes its sending side gets the answers it waits for', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await client.send(frame(DEVICE_GET_INFO, request.deviceInfo(), { id: 1 }));
  client.finish();
  await client.reply(DEVICE_GET_INFO, 1);
  await client.closed();
});

t.test(
  'ending the server ends the connection, resets the device and removes the socket',
  async (t) => {
    const fixture = await serveTestDevice(t);
    const client = await fixture.connected();
    await client.call(DMA_MAP, request.dmaMap({ address: 0, size: PAGE }));
    fixture.device.takeCalls();
    t.ok(existsSync(fixture.path));
    await fixture.server.close();
    t.strictSame(fixture.device.takeCalls(), [
      'quiesce',
      'reset connection-lost',
      'unmap 0x0 4096',
      'close',
    ]);
    t.notOk(existsSync(fixture.path));
    await client.closed();
  },
);

t.test('ending the server waits for a device that takes its time', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  fixture.device.onReset = () => new Promise((resolve) => setImmediate(resolve));
  await fixture.server.close();
  t.strictSame(fixture.device.takeCalls(), ['quiesce', 'reset connection-lost', 'close']);
  await client.closed();
});

t.test('ending the server turns away who waits for a turn', async (t) => {
  const fixture = await serveTestDevice(t);
  await fixture.connected();
  const second = fixture.client();
  const silent = fixture.client();
  await second.send(frame(VERSION, request.version(0, 1), { id: 1 }));
  await until(() => fixture.server.statistics().clientsWaiting === 1, 'the second waits');
  await until(() => fixture.server.statistics().silentConnections === 1, 'a third is there');
  await fixture.server.close();
  await second.closed();
  await silent.closed();
});

t.test('a guest that reboots is answered at every step', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const file = fixture.memory(16 * PAGE);
  const fd = fixture.eventFd();
  const before = openDescriptors();
  const off = (index: number): Buffer =>
    request.setIrqs({ index, flags: request.DATA_NONE | request.ACTION_TRIGGER, count: 0 });
  for (let boot = 0; boot < 3; boot++) {
    for (let page = 0; page < 16; page++) {
      const map = request.dmaMap({ address: page * PAGE, size: PAGE, offset: page * PAGE });
      await client.call(DMA_MAP, map, { fds: [file] });
    }
    for (const index of [INTX, MSIX]) {
      const wiring = request.setIrqs({ index, flags: TRIGGER_EVENTFD, count: 1 });
      await client.call(DEVICE_SET_IRQS, wiring, { fds: [fd] });
    }
    await client.call(DEVICE_SET_IRQS, off(MSIX));
    await client.call(DEVICE_SET_IRQS, off(INTX));
    await client.call(DEVICE_RESET);
    const unmaps = Array.from({ length: 16 }, (_, id) =>
      frame(DMA_UNMAP, request.dmaUnmap({ address: id * PAGE, size: PAGE }), { id }),
    );
    await client.send(struct(...unmaps));
    for (let id = 0; id < 16; id++) await client.reply(DMA_UNMAP, id);
  }
  t.equal(openDescriptors(), before);
});
