import t from 'tap';
import { DmaService } from '../../src/device-end/dma-service.js';
import { ECANCELED, EFAULT, EINVAL } from '../../src/errno.js';
import { DmaFaultError } from '../../src/errors.js';
import { DmaSpace } from '../../src/memory/dma-space.js';
import { Command, ExtensionCommand } from '../../src/protocol/enums.js';
import type { RequestMessage } from '../../src/protocol/messages.js';
import {
  ATTACHMENT,
  addMapping,
  ManualRemote,
  mappingOf,
  TestGuestMemory,
} from '../memory/fakes.js';
import { PeerFixture, turn } from '../session/fakes.js';

const BASE = 0x10000;
const BAD = 0x11000;

/** The host has the first page, and none for the second. */
class HalfMemory extends TestGuestMemory {
  override write(offset: number, source: Uint8Array): void {
    if (offset >= 4096) throw new DmaFaultError(EFAULT, 'no page');
    super.write(offset, source);
  }
}

function open({ timeoutMs = 0, postedDma = false } = {}) {
  const memory = new HalfMemory(2 * 4096);
  const space = new DmaSpace(ATTACHMENT);
  addMapping(space, mappingOf(BASE, 2, memory));
  const service = new DmaService(space, 4096);
  const fixture = new PeerFixture(
    { postedDma },
    { onRequest: (request) => service.answer(fixture.peer, request) },
    { timeoutMs },
  );
  let id = 0;
  /** @returns the errno it was refused with, 0 if it was not. */
  const write = (address: number, value: number, noReply = false): number | undefined => {
    const before = fixture.connection.sent.length;
    const body = { address, count: 4, data: new Uint8Array(4).fill(value) };
    fixture.receive(Command.DMA_WRITE, body, { id: ++id, noReply });
    const answer = fixture.connection.sent[before];
    if (answer === undefined) return undefined;
    return answer.kind === 'error' ? answer.errno : 0;
  };
  const questions = () => fixture.connection.requests(Command.DEVICE_GET_INFO);
  return { fixture, memory, write, questions };
}

t.test('what a device wrote behind a write that failed is not done', async (t) => {
  const { fixture, memory, write, questions } = open();
  t.equal(write(BASE, 1), 0);
  t.equal(write(BAD, 2), EFAULT);
  t.equal(write(BASE, 3), ECANCELED, 'it may say that all is well');
  t.equal(write(BASE, 4), ECANCELED);
  t.equal(memory.bytes[0], 1);
  fixture.receive(Command.DMA_READ, { address: BASE, count: 4 }, { id: 9 });
  t.equal(fixture.connection.sent.at(-1)?.kind, 'reply', 'reads go on');
  t.equal(questions().length, 1);
  const info = { argsz: 16, flags: 0, numRegions: 9, numIrqs: 5 };
  fixture.answer(Command.DEVICE_GET_INFO, questions()[0]!.id, info);
  t.equal(write(BASE, 5), 0, 'it knows now');
  t.equal(memory.bytes[0], 5);
  fixture.end();
});

t.test('a device that refuses the question has read the answer before it', async (t) => {
  const { fixture, write, questions } = open();
  write(BAD, 1);
  fixture.refuse(Command.DEVICE_GET_INFO, questions()[0]!.id, EINVAL);
  t.equal(write(BASE, 2), 0);
  fixture.end();
});

t.test('it is asked again when it does not answer in time', async (t) => {
  const { fixture, write, questions } = open({ timeoutMs: 1 });
  write(BAD, 1);
  while (questions().length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  t.equal(write(BASE, 2), ECANCELED);
  fixture.end();
});

t.test('a write that wants no answer is no exception', async (t) => {
  const { fixture, memory, write } = open();
  write(BAD, 1, true);
  t.equal(write(BASE, 2), ECANCELED);
  t.equal(memory.bytes[0], 0);
  fixture.end();
});

t.test(
  'of posted writes the first that fails is told of, and none behind it is done',
  async (t) => {
    const { fixture, memory, write, questions } = open({ postedDma: true });
    const faults = () => fixture.connection.requests(ExtensionCommand.DMA_FAULT);
    t.equal(write(BASE, 1, true), undefined, 'no answer');
    write(BAD, 2, true);
    for (let i = 0; i < 100; i++) write(i % 2 ? BASE : BAD, 3, true);
    t.equal(write(BASE, 4), ECANCELED, 'nor one that wants an answer');
    t.equal(memory.bytes[0], 1);
    t.match(faults(), [
      { noReply: true, body: { message: 2, address: BAD, count: 4, errno: EFAULT } },
    ]);
    t.equal(questions().length, 1);
    const info = { argsz: 16, flags: 0, numRegions: 9, numIrqs: 5 };
    fixture.answer(Command.DEVICE_GET_INFO, questions()[0]!.id, info);
    write(BASE, 5, true);
    t.equal(memory.bytes[0], 5, 'it knows now');
    write(BAD, 6, true);
    t.equal(faults().at(-1)?.body.message, 104, 'as the device counts them');
    fixture.end();
  },
);

t.test('a device that floods memory elsewhere is not read from', async (t) => {
  const space = new DmaSpace(ATTACHMENT);
  addMapping(space, mappingOf(BASE, 256));
  const remote = new ManualRemote(space.fence);
  space.connect(remote);
  const service = new DmaService(space, 2 ** 20);
  const handlers = {
    onRequest: (request: RequestMessage) => service.answer(fixture.peer, request),
  };
  const fixture: PeerFixture = new PeerFixture({ postedDma: true }, handlers);
  const body = { address: BASE, count: 2 ** 20, data: new Uint8Array(2 ** 20) };
  let sent = 0;
  while (!fixture.connection.paused) {
    fixture.receive(Command.DMA_WRITE, body, { noReply: true });
    sent++;
  }
  t.equal(sent, 33, 'once more than 32 MiB wait');
  for (const { end } of remote.transfers.splice(0)) end();
  await turn();
  await turn();
  t.equal(fixture.connection.paused, false);
  fixture.end();
});

t.test('however much a device asks for, little memory is reserved for it', async (t) => {
  const space = new DmaSpace(ATTACHMENT);
  addMapping(space, mappingOf(BASE, 256));
  const remote = new ManualRemote(space.fence);
  space.connect(remote);
  const service = new DmaService(space, 2 ** 20);
  const handlers = {
    onRequest: (request: RequestMessage) => service.answer(fixture.peer, request),
  };
  const fixture: PeerFixture = new PeerFixture({}, handlers);
  const body = { address: BASE, count: 2 ** 20 };
  for (let id = 0; id < 40; id++) fixture.receive(Command.DMA_READ, body, { id });
  t.equal(remote.transfers.length, 32, '32 MiB are read at a time');
  while (remote.transfers.length > 0) {
    t.ok(remote.transfers.length <= 32);
    remote.transfers.shift()?.end();
    await turn();
  }
  t.strictSame(
    fixture.connection.sent.map(({ kind, id }) => `${kind} ${id}`),
    Array.from({ length: 40 }, (_, id) => `reply ${id}`),
  );
  fixture.end();
});

t.test('a read waits for the posted writes before it that are under way elsewhere', async (t) => {
  const space = new DmaSpace(ATTACHMENT);
  addMapping(space, mappingOf(BASE, 1));
  const remote = new ManualRemote(space.fence);
  space.connect(remote);
  const service = new DmaService(space, 4096);
  const handlers = {
    onRequest: (request: RequestMessage) => service.answer(fixture.peer, request),
  };
  const fixture: PeerFixture = new PeerFixture({ postedDma: true }, handlers);
  const body = { address: BASE, count: 4, data: new Uint8Array(4) };
  fixture.receive(Command.DMA_WRITE, body, { noReply: true });
  fixture.receive(Command.DMA_WRITE, body, { noReply: true });
  fixture.receive(Command.DMA_READ, { address: BASE, count: 4 }, { id: 1 });
  const kinds = (): string[] => remote.transfers.map(({ kind }) => kind);
  t.same(kinds(), ['write', 'write']);
  remote.transfers.shift()?.end();
  await turn();
  t.same(kinds(), ['write']);
  remote.transfers.shift()?.end();
  await turn();
  t.same(kinds(), ['read']);
  remote.transfers.shift()?.end();
  await turn();
  t.match(fixture.connection.sent, [{ kind: 'reply', command: Command.DMA_READ, id: 1 }]);
  fixture.end();
});

t.test('posted writes that are under way elsewhere are awaited, but not for ever', async (t) => {
  const space = new DmaSpace(ATTACHMENT);
  addMapping(space, mappingOf(BASE, 1));
  const remote = new ManualRemote(space.fence);
  space.connect(remote);
  const service = new DmaService(space, 4096);
  const handlers = {
    onRequest: (request: RequestMessage) => service.answer(fixture.peer, request),
  };
  const fixture: PeerFixture = new PeerFixture({ postedDma: true }, handlers);
  await service.postedWritesEnd(Number.POSITIVE_INFINITY);
  const body = { address: BASE, count: 4, data: new Uint8Array(4) };
  fixture.receive(Command.DMA_WRITE, body, { noReply: true });
  await service.postedWritesEnd(performance.now());
  let ended = false;
  const end = service.postedWritesEnd(performance.now() + 60_000).then(() => {
    ended = true;
  });
  await turn();
  t.notOk(ended);
  remote.transfers.shift()?.end();
  await end;
  t.match(fixture.connection.sent, [], 'no fault is told');
  fixture.end();
});
