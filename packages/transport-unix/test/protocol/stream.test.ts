import t from 'tap';
import { openDescriptors, serveTestDevice } from './fixture.js';
import { tryRead, turn } from './gate.js';
import { payloadOf } from './raw-client.js';
import * as request from './requests.js';
import { LARGE_BAR, PLAIN_BAR } from './test-device.js';
import {
  DEVICE_GET_INFO,
  DEVICE_SET_IRQS,
  DMA_MAP,
  DMA_READ,
  DMA_UNMAP,
  frame,
  MIB,
  MSIX,
  NO_REPLY,
  PAGE,
  REGION_READ,
  REGION_WRITE,
  REPLY,
  struct,
  VERSION,
} from './wire.js';

t.test('every message may come byte by byte, its descriptors with the first', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = fixture.client();
  let before = 0;
  const flags = request.DATA_EVENTFD | request.ACTION_TRIGGER;
  const messages = [
    { command: VERSION, payload: request.version(0, 1, '{"capabilities":{"max_msg_fds":8}}') },
    {
      command: DMA_MAP,
      payload: request.dmaMap({ address: 0, size: PAGE }),
      fds: [fixture.memory(PAGE)],
    },
    {
      command: DEVICE_SET_IRQS,
      payload: request.setIrqs({ index: MSIX, flags, count: 2 }),
      fds: [fixture.eventFd(), fixture.eventFd()],
    },
    { command: REGION_WRITE, payload: request.regionWrite(PLAIN_BAR, 0, Buffer.from('slowly')) },
    { command: DMA_UNMAP, payload: request.dmaUnmap({ address: 0, size: PAGE }) },
  ];
  for (const [id, { command, payload, fds = [] }] of messages.entries()) {
    for (const [i, byte] of frame(command, payload, { id }).entries()) {
      await client.send(Buffer.from([byte]), i === 0 ? fds : []);
      await turn();
    }
    payloadOf(await client.reply(command, id));
    if (command === VERSION) before = openDescriptors();
  }
  t.equal(fixture.device.registers.toString('utf8', 0, 6), 'slowly');
  t.equal(openDescriptors(), before + 2, 'the two eventfds');
});

t.test('messages glued together keep their own descriptors', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const file = fixture.memory(PAGE);
  const read = frame(REGION_READ, request.regionRead(PLAIN_BAR, 0, 4), { id: 1 });
  const map = frame(DMA_MAP, request.dmaMap({ address: 0, size: PAGE }), { id: 2 });
  const info = frame(DEVICE_GET_INFO, request.deviceInfo(), { id: 3 });
  await client.send(struct(read, map, info), [file]);
  payloadOf(await client.reply(REGION_READ, 1));
  payloadOf(await client.reply(DMA_MAP, 2));
  payloadOf(await client.reply(DEVICE_GET_INFO, 3));
  t.ok(tryRead(fixture.device.host.dma, 0, Buffer.alloc(4)), 'the descriptor went to DMA_MAP');
});

t.test('cuts at any place are put together', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const write = frame(
    REGION_WRITE,
    request.regionWrite(PLAIN_BAR, 0, Buffer.from('0123456789abcdef')),
    { id: 1 },
  );
  const read = frame(REGION_READ, request.regionRead(PLAIN_BAR, 0, 16), { id: 2 });
  const bytes = struct(write, read);
  for (let cut = 1; cut < bytes.length; cut++) {
    await client.send(bytes.subarray(0, cut));
    await turn();
    await client.send(bytes.subarray(cut));
    payloadOf(await client.reply(REGION_WRITE, 1));
    payloadOf(await client.reply(REGION_READ, 2));
  }
});

t.test('thousands of posted writes and reads in one stream are all carried out', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  let writes = 0;
  fixture.device.onRegisterWrite = () => writes++;
  const data = Buffer.alloc(4);
  const post = frame(REGION_WRITE, request.regionWrite(PLAIN_BAR, 0, data), { flags: NO_REPLY });
  const read = (id: number): Buffer =>
    frame(REGION_READ, request.regionRead(PLAIN_BAR, 0, 4), { id });
  const rounds = Array.from({ length: 500 }, (_, id) => struct(post, post, post, read(id)));
  await client.send(struct(...rounds));
  for (let id = 0; id < 500; id++) await client.reply(REGION_READ, id);
  t.equal(writes, 1500);
});

t.test('a client that does not read for a while gets everything afterwards', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  client.stopReading();
  const reads = 12;
  for (let id = 0; id < reads; id++) {
    await client.send(frame(REGION_READ, request.regionRead(LARGE_BAR, 0, MIB / 2), { id }));
  }
  client.resumeReading();
  for (let id = 0; id < reads; id++) {
    t.equal((await client.reply(REGION_READ, id)).payload.length, 16 + MIB / 2);
  }
  await client.call(DEVICE_GET_INFO, request.deviceInfo());
});

t.test('a client that never reads does not make the server gather replies', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  client.stopReading();
  const before = process.memoryUsage().arrayBuffers;
  const read = frame(REGION_READ, request.regionRead(LARGE_BAR, 0, MIB));
  await client.send(struct(...Array.from({ length: 500 }, () => read)));
  for (let i = 0; i < 50; i++) await turn();
  const grown = process.memoryUsage().arrayBuffers - before;
  t.ok(grown < 64 * MIB, `${Math.round(grown / MIB)} MiB of 500`);
  t.not(fixture.server.statistics().client, 'none', 'it is still served');
  client.close();
  await fixture.idle();
});

t.test('DMA of a client that does not read is held back, not lost', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  await client.call(DMA_MAP, request.dmaMap({ address: 0, size: 64 * MIB }));
  client.stopReading();
  const done = fixture.device.host.dma.write(0, Buffer.alloc(8 * MIB, 3));
  const more = fixture.device.host.dma.read(0, Buffer.alloc(8));
  client.resumeReading();
  let written = 0;
  while (written < 8 * MIB || client.waiting > 0) {
    const { id, command, payload } = await client.receive();
    const range = payload.subarray(0, 16);
    const reply = command === DMA_READ ? struct(range, Buffer.alloc(8)) : range;
    if (command !== DMA_READ) written += payload.length - 16;
    await client.send(frame(command, reply, { id, flags: REPLY }));
  }
  await done;
  await more;
  t.equal(written, 8 * MIB);
});
