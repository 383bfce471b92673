import { EventFdReader } from '@vfio-user/posix-ffi';
import t, { type Test } from 'tap';
import { CAPABILITIES, serveTestDevice } from './fixture.js';
import { failure, tryRead, turn } from './gate.js';
import type { RawMessage } from './message-reader.js';
import type { RawClient } from './raw-client.js';
import * as request from './requests.js';
import {
  DEVICE_SET_IRQS,
  DMA_MAP,
  DMA_READ,
  DMA_WRITE,
  EIO,
  ERROR,
  frame,
  MIB,
  MSIX,
  PAGE,
  REGION_READ,
  REGION_WRITE,
  REPLY,
  struct,
  u32,
  u64,
} from './wire.js';

const BASE = 0x1_0000_0000;

/** A client whose memory, 16 pages, is reached by messages only. */
async function withoutDescriptor(t: Test, json = CAPABILITIES) {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected(json);
  await client.call(DMA_MAP, request.dmaMap({ address: BASE, size: 16 * PAGE }));
  return { fixture, client, dma: fixture.device.host.dma };
}

function addressOf({ payload }: RawMessage): bigint {
  return payload.readBigUInt64LE(0);
}

function countOf({ payload }: RawMessage): number {
  return Number(payload.readBigUInt64LE(8));
}

async function answer(client: RawClient, asked: RawMessage, payload: Buffer): Promise<void> {
  await client.send(frame(asked.command, payload, { id: asked.id, flags: REPLY }));
}

/** Answer the next DMA_READ from `memory`, or put the next DMA_WRITE into it. */
async function serveOne(client: RawClient, memory: Buffer): Promise<RawMessage> {
  const asked = await client.receive();
  const at = Number(addressOf(asked)) - BASE;
  const range = asked.payload.subarray(0, 16);
  if (asked.command === DMA_READ) {
    await answer(client, asked, struct(range, memory.subarray(at, at + countOf(asked))));
  } else {
    asked.payload.copy(memory, at, 16);
    await answer(client, asked, range);
  }
  return asked;
}

t.test('memory without a descriptor is read by DMA_READ', async (t) => {
  const { client, dma } = await withoutDescriptor(t);
  const target = Buffer.alloc(64);
  t.equal(dma.range(BASE, 64, 'read').view, undefined);
  t.equal(tryRead(dma, BASE, target), false);
  const done = dma.read(BASE + 0x10, target);
  const memory = Buffer.alloc(PAGE, 0x5a);
  const asked = await serveOne(client, memory);
  t.equal(asked.command, DMA_READ);
  t.equal(asked.flags, 0);
  t.equal(asked.payload.length, 16);
  t.equal(addressOf(asked), BigInt(BASE + 0x10));
  t.equal(countOf(asked), 64);
  await done;
  t.ok(target.every((byte) => byte === 0x5a));
});

t.test('DMA_WRITE replies of every shape in the field are taken', async (t) => {
  const { client, dma } = await withoutDescriptor(t);
  const shapes: readonly ((asked: RawMessage) => Buffer)[] = [
    () => Buffer.alloc(0),
    (asked) => struct(u64(addressOf(asked)), u32(countOf(asked))),
    (asked) => struct(u64(addressOf(asked)), u64(countOf(asked))),
  ];
  for (const shape of shapes) {
    const done = dma.write(BASE, Buffer.from('data'));
    const asked = await client.receive();
    t.equal(asked.command, DMA_WRITE);
    t.equal(asked.payload.length, 20);
    t.equal(addressOf(asked), BigInt(BASE));
    t.equal(countOf(asked), 4);
    t.equal(asked.payload.toString('utf8', 16), 'data');
    await answer(client, asked, shape(asked));
    await done;
  }
});

t.test('an error reply fails the transfer with its errno, also with none', async (t) => {
  const { client, dma } = await withoutDescriptor(t);
  for (const errno of [EIO, 0]) {
    const transfers = [dma.read(BASE, Buffer.alloc(4)), dma.write(BASE, Buffer.alloc(4))];
    const outcomes = transfers.map(failure);
    for (let i = 0; i < 2; i++) {
      const { command, id } = await client.receive();
      await client.send(frame(command, undefined, { id, flags: REPLY | ERROR, errno }));
    }
    t.strictSame(await Promise.all(outcomes), [errno, errno]);
  }
});

t.test('a reply that names another range or has other data fails the transfer only', async (t) => {
  const { client, dma } = await withoutDescriptor(t);
  const reads = [
    struct(u64(BASE + 1), u64(4), Buffer.alloc(4)),
    struct(u64(BASE), u64(2), Buffer.alloc(2)),
    struct(u64(BASE), u64(8), Buffer.alloc(8)),
    struct(u64(BASE), u64(4), Buffer.alloc(3)),
    struct(u64(BASE), u64(2n ** 32n + 4n), Buffer.alloc(4)),
    struct(u64(BASE), u64(2n ** 64n - 1n), Buffer.alloc(4)),
    struct(u64(BASE)),
    Buffer.alloc(0),
  ];
  const writes = [
    struct(u64(BASE + 1), u64(4)),
    struct(u64(BASE), u64(3)),
    struct(u64(BASE), u32(3)),
    struct(u64(BASE)),
    struct(u64(BASE), u64(2n ** 64n - 1n)),
  ];
  for (const payload of reads) {
    const done = t.rejects(dma.read(BASE, Buffer.alloc(4)), { code: 'VFU_PROTOCOL_VIOLATION' });
    await answer(client, await client.receive(), payload);
    await done;
  }
  for (const payload of writes) {
    const done = t.rejects(dma.write(BASE, Buffer.alloc(4)), { code: 'VFU_PROTOCOL_VIOLATION' });
    await answer(client, await client.receive(), payload);
    await done;
  }
  await client.call(REGION_READ, request.regionRead(0, 0, 4));
});

t.test('a reply to another command than was asked ends the connection', async (t) => {
  const { client, dma } = await withoutDescriptor(t);
  const done = t.rejects(dma.read(BASE, Buffer.alloc(4)));
  const { id } = await client.receive();
  await client.send(frame(DMA_WRITE, undefined, { id, flags: REPLY }));
  await done;
  await client.closed();
});

t.test('transfers are cut to what the client takes', async (t) => {
  const { client, dma } = await withoutDescriptor(
    t,
    `{"capabilities":{"max_data_xfer_size":${PAGE}}}`,
  );
  const memory = Buffer.alloc(16 * PAGE);
  const data = Buffer.from(Array.from({ length: 2 * PAGE + 42 }, (_, i) => i & 0xff));
  const written = dma.write(BASE + 8, data);
  const sizes: number[] = [];
  for (let i = 0; i < 3; i++) sizes.push(countOf(await serveOne(client, memory)));
  await written;
  t.strictSame(sizes, [PAGE, PAGE, 42]);
  t.strictSame(memory.subarray(8, 8 + data.length), data);
  const target = Buffer.alloc(data.length);
  const read = dma.read(BASE + 8, target);
  for (let i = 0; i < 3; i++) await serveOne(client, memory);
  await read;
  t.strictSame(target, data);
});

t.test('replies in another order than the requests find their transfers', async (t) => {
  const { client, dma } = await withoutDescriptor(t);
  const targets = [0, 1, 2].map(() => Buffer.alloc(1));
  const done = Promise.all(targets.map((target, i) => dma.read(BASE + i, target)));
  const asked = [await client.receive(), await client.receive(), await client.receive()];
  for (const message of asked.reverse()) {
    const value = Number(addressOf(message)) - BASE;
    await answer(client, message, struct(message.payload, Buffer.from([value])));
  }
  await done;
  t.strictSame(Buffer.concat(targets), Buffer.from([0, 1, 2]));
});

t.test('a client may ask for registers before it answers, with the same id', async (t) => {
  const { fixture, client, dma } = await withoutDescriptor(t);
  const target = Buffer.alloc(4);
  const done = dma.read(BASE, target);
  const asked = await client.receive();
  const data = Buffer.from('regs');
  await client.call(REGION_WRITE, request.regionWrite(0, 0, data), { id: asked.id });
  const read = await client.call(REGION_READ, request.regionRead(0, 0, 4), { id: asked.id });
  t.equal(read.toString('utf8', 16), 'regs');
  await answer(client, asked, struct(asked.payload, Buffer.from('dma!')));
  await done;
  t.equal(target.toString(), 'dma!');
  t.equal(fixture.device.registers.toString('utf8', 0, 4), 'regs');
});

t.test('a read of registers comes behind the writes of the device before it', async (t) => {
  const { client, dma } = await withoutDescriptor(t);
  const writes = 8;
  await client.call(DMA_MAP, request.dmaMap({ address: 0, size: writes * MIB }));
  client.stopReading();
  const done = dma.write(0, Buffer.alloc(writes * MIB));
  await client.send(frame(REGION_READ, request.regionRead(0, 0, 4), { id: 5 }));
  for (let i = 0; i < 20; i++) await turn();
  client.resumeReading();
  // Not one of them is answered before: a client may answer none while it waits for the register.
  const asked: RawMessage[] = [];
  for (let bytes = 0; bytes < writes * MIB; bytes += countOf(asked.at(-1)!)) {
    asked.push(await client.receive());
    t.equal(asked.at(-1)!.command, DMA_WRITE);
  }
  await client.reply(REGION_READ, 5);
  for (const each of asked) await answer(client, each, Buffer.alloc(0));
  await done;
});

t.test('a read of registers need not wait for relaxed writes that have not left', async (t) => {
  const { client, dma } = await withoutDescriptor(t);
  const writes = 8;
  await client.call(DMA_MAP, request.dmaMap({ address: 0, size: writes * MIB }));
  const done = dma.write(0, Buffer.alloc(writes * MIB, 7), 'relaxed');
  await client.send(frame(REGION_READ, request.regionRead(0, 0, 4), { id: 5 }));
  const asked: RawMessage[] = [];
  let message = await client.receive();
  for (; message.command === DMA_WRITE; message = await client.receive()) asked.push(message);
  t.equal(message.command, REGION_READ);
  let bytes = asked.reduce((sum, each) => sum + countOf(each), 0);
  t.ok(bytes < writes * MIB, `${bytes} bytes were ahead of it`);
  for (const each of asked) await answer(client, each, Buffer.alloc(0));
  while (bytes < writes * MIB) {
    const next = await client.receive();
    bytes += countOf(next);
    await answer(client, next, Buffer.alloc(0));
  }
  await done;
});

t.test('a device that is reset takes back what has not left', async (t) => {
  const { client, dma } = await withoutDescriptor(t);
  await client.call(DMA_MAP, request.dmaMap({ address: 0, size: 8 * MIB }));
  const done = t.rejects(dma.write(0, Buffer.alloc(8 * MIB)), { code: 'VFU_DMA_FAULT' });
  const left = await client.receive();
  dma.cancelWaiting();
  await client.send(frame(REGION_READ, request.regionRead(0, 0, 4), { id: 5 }));
  const asked = [left];
  let message = await client.receive();
  for (; message.command === DMA_WRITE; message = await client.receive()) asked.push(message);
  t.equal(message.command, REGION_READ, 'what has left is ahead of what comes later');
  for (const each of asked) await answer(client, each, Buffer.alloc(0));
  await done;
});

t.test('an interrupt waits until the writes before it are answered', async (t) => {
  const { fixture, client, dma } = await withoutDescriptor(t);
  const fd = fixture.eventFd();
  const flags = request.DATA_EVENTFD | request.ACTION_TRIGGER;
  const wire = request.setIrqs({ index: MSIX, flags, count: 1 });
  await client.call(DEVICE_SET_IRQS, wire, { fds: [fd] });
  const done = dma.write(BASE, Buffer.from('data'));
  fixture.device.host.interrupts.raise(0);
  const asked = await client.receive();
  t.equal(new EventFdReader(fd).read(), 0);
  await answer(client, asked, Buffer.alloc(0));
  await done;
  t.equal(new EventFdReader(fd).read(), 1);
});

t.test('a range across shared and unshared memory is one transfer', async (t) => {
  const { fixture, client, dma } = await withoutDescriptor(t);
  const fds = [fixture.memory(PAGE)];
  await client.call(DMA_MAP, request.dmaMap({ address: BASE - PAGE, size: PAGE }), { fds });
  const next = { address: BASE + 16 * PAGE, size: PAGE };
  await client.call(DMA_MAP, request.dmaMap(next), { fds });
  const memory = Buffer.alloc(16 * PAGE);
  const data = Buffer.alloc(16 * PAGE + 8, 7);
  const done = dma.write(BASE - 4, data);
  t.equal(countOf(await serveOne(client, memory)), 16 * PAGE);
  await done;
  t.ok(memory.every((byte) => byte === 7));
  const ends = Buffer.alloc(8);
  t.ok(tryRead(dma, BASE - 4, ends.subarray(0, 4)));
  t.ok(tryRead(dma, BASE + 16 * PAGE, ends.subarray(4)));
  t.ok(ends.every((byte) => byte === 7));
});

t.test('transfers of a client that leaves fail', async (t) => {
  const { fixture, client, dma } = await withoutDescriptor(t);
  const transfers = [dma.read(BASE, Buffer.alloc(4)), dma.write(BASE, Buffer.alloc(4))];
  const outcomes = transfers.map((transfer) => t.rejects(transfer, { code: 'VFU_PEER_CLOSED' }));
  await client.receive();
  client.close();
  await Promise.all(outcomes);
  await fixture.idle();
});

t.test('a client that leaves a transfer unanswered counts as gone', async (t) => {
  const fixture = await serveTestDevice(t, { limits: { replyTimeoutMs: 40 } });
  const client = await fixture.connected();
  await client.call(DMA_MAP, request.dmaMap({ address: BASE, size: PAGE }));
  const done = t.rejects(fixture.device.host.dma.read(BASE, Buffer.alloc(4)));
  await client.receive();
  await client.closed();
  await done;
});
