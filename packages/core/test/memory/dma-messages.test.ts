import fc from 'fast-check';
import t from 'tap';
import { EACCES, ECANCELED, EFAULT } from '../../src/errno.js';
import type { RemoteError } from '../../src/errors.js';
import { DmaMessages, type DmaMessagesOptions } from '../../src/memory/dma-messages.js';
import { DmaMapping } from '../../src/memory/mapping.js';
import { WriteFence } from '../../src/memory/write-fence.js';
import { Command, ExtensionCommand } from '../../src/protocol/enums.js';
import type { SessionExtensions } from '../../src/session/extensions.js';
import { PeerFixture, turn } from '../session/fakes.js';
import { ATTACHMENT } from './fakes.js';

const mapping = new DmaMapping({
  address: 0x1000,
  size: 2 ** 20,
  readable: true,
  writable: true,
  fileOffset: 0n,
  memory: undefined,
});

function open(
  options: Partial<DmaMessagesOptions> = {},
  extensions: Partial<SessionExtensions> = {},
) {
  const fixture = new PeerFixture(extensions);
  const faults: RemoteError[] = [];
  const fence = new WriteFence();
  const memory = new DmaMessages(fixture.peer, {
    attachment: ATTACHMENT,
    maxTransferBytes: 100,
    maxReads: 4,
    replyWindowBytes: 1000,
    fence,
    orderedNotifications: false,
    posts: false,
    onFault: (error) => void faults.push(error),
    ...options,
  });
  return { fixture, fence, memory, faults, connection: fixture.connection };
}

/** A client that takes posted writes, `windowMessages` of them at a time. */
function openPosting(windowMessages = 0) {
  return open({ orderedNotifications: true, posts: true }, { postedDma: true, windowMessages });
}

/** The client's memory: each byte tells where it is. */
function bytesAt(address: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => (address + i) * 7);
}

t.test('reads ask for no more than the window, in order, and get it all', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        maxTransferBytes: fc.integer({ min: 1, max: 300 }),
        maxReads: fc.integer({ min: 1, max: 8 }),
        replyWindowBytes: fc.integer({ min: 1, max: 600 }),
      }),
      fc.array(fc.tuple(fc.nat(5000), fc.integer({ min: 0, max: 900 })), { maxLength: 5 }),
      fc.infiniteStream(fc.nat(7)),
      async (limits, reads, picks) => {
        const { fixture, memory, connection } = open(limits);
        const targets = reads.map(([offset, length]) => ({
          address: 0x1000 + offset,
          data: new Uint8Array(length),
        }));
        const done = targets.map(({ address, data }) => memory.read(mapping, address, data));
        const answered = new Set<number>();
        for (;;) {
          const requests = connection.requests(Command.DMA_READ);
          const open = requests.filter(({ id }) => !answered.has(id));
          const asked = open.reduce((sum, { body }) => sum + body.count, 0);
          if (asked > limits.replyWindowBytes || open.length > limits.maxReads) return false;
          if (requests.some(({ body }) => body.count > limits.maxTransferBytes)) return false;
          const next = open[(picks.next().value ?? 0) % Math.max(1, open.length)];
          if (next === undefined) break;
          answered.add(next.id);
          const { address, count } = next.body;
          const data = bytesAt(Number(address), count);
          fixture.answer(Command.DMA_READ, next.id, { address, count, data });
        }
        await Promise.all(done);
        const asked = connection.requests(Command.DMA_READ).map(({ body }) => body.address);
        const pieces = targets.flatMap(({ address, data }) => {
          const step = Math.min(limits.maxTransferBytes, limits.replyWindowBytes);
          return Array.from(
            { length: Math.ceil(data.length / step) },
            (_, i) => address + i * step,
          );
        });
        return (
          JSON.stringify(asked) === JSON.stringify(pieces) &&
          targets.every(
            ({ address, data }) => Buffer.compare(data, bytesAt(address, data.length)) === 0,
          )
        );
      },
    ),
    { numRuns: 100 },
  );
  t.pass();
});

t.test('writes leave in order, as far as the connection takes them', async (t) => {
  const { fixture, memory, connection } = open();
  connection.hasRoom = false;
  const data = bytesAt(0, 350);
  const done = memory.write(mapping, 0x1000, data);
  const sent = (): number[] => connection.requests(Command.DMA_WRITE).map(({ body }) => body.count);
  t.same(sent(), [100], 'the queue is full after the first');
  t.equal(memory.writesHaveLeft, false);
  const order: string[] = [];
  memory.afterWrites(() => order.push(`${sent().length} writes`));
  fixture.drain();
  await turn();
  t.same(sent(), [100, 100, 100, 50]);
  t.same(order, ['4 writes'], 'what follows them');
  const writes = connection.requests(Command.DMA_WRITE);
  t.same(Buffer.concat(writes.map(({ body }) => body.data)), Buffer.from(data));
  t.same(
    writes.map(({ body }) => body.address),
    [0x1000, 0x1064, 0x10c8, 0x112c],
  );
  for (const { id, body } of writes) {
    fixture.answer(Command.DMA_WRITE, id, { address: body.address, count: body.count });
  }
  await done;
});

t.test('notifications wait for the answers, or only until the writes have left', async (t) => {
  for (const orderedNotifications of [false, true]) {
    const { fixture, fence, memory, connection } = open({ orderedNotifications });
    const done = memory.write(mapping, 0x1000, new Uint8Array(10));
    t.equal(fence.open, orderedNotifications);
    const [request] = connection.requests(Command.DMA_WRITE);
    fixture.answer(Command.DMA_WRITE, request!.id, { address: 0x1000, count: 10 });
    await done;
    t.equal(fence.open, true);
  }
});

t.test('an unmapping fails what is under way, and what has not left never leaves', async (t) => {
  const { fixture, memory, connection } = open({ maxReads: 1 });
  const target = new Uint8Array(300);
  const read = memory.read(mapping, 0x1000, target);
  memory.cancel(mapping);
  await t.rejects(read, { code: 'VFU_DMA_FAULT', message: /unmapped while under way/ });
  const [late] = connection.requests(Command.DMA_READ);
  const data = new Uint8Array(100).fill(9);
  fixture.answer(Command.DMA_READ, late!.id, { address: 0x1000, count: 100, data });
  t.ok(
    target.every((byte) => byte === 0),
    'a late answer is ignored',
  );
  t.equal(connection.sent.length, 1);
  const next = memory.read(mapping, 0x2000, new Uint8Array(1));
  const [, request] = connection.requests(Command.DMA_READ);
  fixture.answer(Command.DMA_READ, request!.id, {
    address: 0x2000,
    count: 1,
    data: data.slice(0, 1),
  });
  await next;
});

t.test('after a refusal, writes that were issued before it was known never leave', async (t) => {
  const { fixture, fence, memory, connection } = open();
  connection.hasRoom = false;
  const data = memory.write(mapping, 0x1000, new Uint8Array(150));
  const entry = memory.write(mapping, 0x2000, new Uint8Array(16));
  const [first] = connection.requests(Command.DMA_WRITE);
  fixture.refuse(Command.DMA_WRITE, first!.id, EFAULT);
  await t.rejects(data, { code: 'VFU_REMOTE_ERROR', errno: EFAULT });
  await t.rejects(entry, { code: 'VFU_DMA_FAULT', errno: ECANCELED });
  fixture.drain();
  await turn();
  t.equal(connection.requests(Command.DMA_WRITE).length, 1);
  t.equal(fence.refused, 1);
  t.ok(fence.open);
  const next = memory.write(mapping, 0x2000, new Uint8Array(16));
  const { id } = connection.requests(Command.DMA_WRITE).at(-1)!;
  fixture.answer(Command.DMA_WRITE, id, { address: 0x2000, count: 16 });
  await t.resolves(next, 'what is issued now');
});

t.test('an answer for another range fails the transfer', async (t) => {
  const { fixture, memory, connection } = open();
  const read = memory.read(mapping, 0x1000, new Uint8Array(10));
  const [request] = connection.requests(Command.DMA_READ);
  fixture.answer(Command.DMA_READ, request!.id, {
    address: 0x1000,
    count: 4,
    data: new Uint8Array(4),
  });
  await t.rejects(read, { code: 'VFU_PROTOCOL_VIOLATION' });
});

t.test('the end of a connection fails any number of waiting transfers', async (t) => {
  const { fixture, memory } = open({ maxTransferBytes: 1 });
  const read = memory.read(mapping, 0x1000, new Uint8Array(20_000));
  fixture.end(new Error('cut'));
  await t.rejects(read, { code: 'VFU_PEER_CLOSED', message: /cut/ });
});

t.test('posted writes are done when they are sent, and bulk in between is answered', async (t) => {
  const { fixture, memory, connection } = openPosting();
  const bytes = 100;
  const data = new Uint8Array(bytes);
  const count = 1500;
  const answered: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    data.fill(i);
    const writing = memory.write(mapping, 0x1000 + i * 100, i % 2 ? data : data.slice(), 'posted');
    if (writing !== undefined) answered.push(writing);
  }
  t.equal(memory.writesHaveLeft, true);
  const writes = connection.requests(Command.DMA_WRITE);
  t.equal(writes.length, count, 'all have left');
  t.ok(
    writes.every(({ body }, i) => body.address === 0x1000 + i * 100 && body.data[9] === i % 256),
  );
  const asked = writes.filter(({ noReply }) => !noReply);
  t.equal(asked.length, answered.length);
  t.equal(asked.length, Math.floor((count * bytes) / (64 * 1024)), 'one every 64 KiB');
  for (const { id, body } of asked) fixture.answer(Command.DMA_WRITE, id, body);
  await Promise.all(answered);
});

t.test('a write is not posted beyond the window, nor by way of others', async (t) => {
  const { fixture, memory, connection } = openPosting(2);
  const write = (order: 'posted' | 'relaxed' = 'posted') =>
    memory.write(mapping, 0x1000, new Uint8Array(4), order);
  const asked = () => connection.requests(Command.DMA_WRITE).filter(({ noReply }) => !noReply);
  t.equal(write(), undefined);
  t.equal(write(), undefined, 'the last one');
  const waits = write();
  t.equal(connection.requests(Command.DMA_WRITE).length, 2, 'the queue is closed until');
  fixture.receive(ExtensionCommand.ACKNOWLEDGE, { messages: 2, bytes: 500 }, { noReply: true });
  await turn();
  t.equal(asked().length, 1, 'what waited wants an answer');
  connection.hasRoom = false;
  const fills = write('relaxed');
  const last = write();
  t.equal(asked().length, 2);
  fixture.drain();
  await turn();
  t.equal(asked().length, 3, 'in the order issued');
  for (const { id, body } of asked()) fixture.answer(Command.DMA_WRITE, id, body);
  await Promise.all([waits, fills, last]);
});

t.test('a fault of a posted write is told, and what waits behind it fails', async (t) => {
  const { fixture, memory, faults, connection } = openPosting();
  t.equal(memory.write(mapping, 0x1000, new Uint8Array(4), 'posted'), undefined);
  connection.hasRoom = false;
  t.equal(memory.write(mapping, 0x2000, new Uint8Array(4), 'posted'), undefined);
  const waits = memory.write(mapping, 0x3000, new Uint8Array(4), 'posted');
  const fault = { message: 1, address: 0x1000, count: 4, errno: EACCES };
  memory.onFault(fault);
  t.match(faults, [{ code: 'VFU_REMOTE_ERROR', errno: EACCES, message: /4 bytes at 0x1000/ }]);
  await t.rejects(waits ?? Promise.resolve(), { code: 'VFU_DMA_FAULT', errno: ECANCELED });
  fixture.drain();
  await turn();
  memory.cancelWaiting();
  memory.onFault({ ...fault, message: 2 });
  t.equal(faults.length, 1, 'of what was issued before a reset nobody is told');
  memory.write(mapping, 0x1000, new Uint8Array(4), 'posted');
  memory.onFault({ ...fault, message: 3 });
  t.equal(faults.length, 2);
});

t.test('nothing is posted where the client cannot tell of a fault', async (t) => {
  const { fixture, memory, connection } = open({ orderedNotifications: true });
  const writing = memory.write(mapping, 0x1000, new Uint8Array(4), 'posted');
  const { id, noReply, body } = connection.requests(Command.DMA_WRITE)[0]!;
  t.equal(noReply, false);
  fixture.answer(Command.DMA_WRITE, id, body);
  await writing;
});
