import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FileStorage } from '../../src/nvme/storage/file-storage.js';
import { Driver, type MemoryMode, PAGE, pattern, type QueuePair, settle } from './driver.js';

const OP = { FLUSH: 0, WRITE: 1, READ: 2, COMPARE: 5 } as const;

/** A disk that answers when the test says so. */
interface SlowDisk {
  readonly driver: Driver;
  readonly queue: QueuePair;
  /** Calls that the disk has not answered, in the order in which they were made. */
  readonly calls: { readonly name: string; readonly bytes: Uint8Array; end(): void }[];
}

async function slowDisk(t: Test, mode: MemoryMode): Promise<SlowDisk> {
  const calls: SlowDisk['calls'] = [];
  const held = (name: string) => (_offset: number, bytes: Uint8Array) =>
    new Promise<void>((resolve) => {
      const call = {
        name,
        bytes,
        end() {
          calls.splice(calls.indexOf(call), 1);
          resolve();
        },
      };
      calls.push(call);
    });
  t.intercept(FileStorage.prototype, 'tryRead', { value: () => false });
  t.intercept(FileStorage.prototype, 'tryWrite', { value: () => false });
  t.intercept(FileStorage.prototype, 'read', { value: held('read') });
  t.intercept(FileStorage.prototype, 'write', { value: held('write') });
  const driver = await Driver.create(mode, { file: join(t.testdir(), 'disk'), size: '4M' });
  t.teardown(() => driver.device.close?.());
  driver.enable(64);
  return { driver, queue: await driver.queuePair(1, 1024), calls };
}

for (const mode of ['mapped', 'messages', 'posted'] as const) {
  t.test(`guest memory is read before and written after a slow call (${mode})`, async (t) => {
    const { driver, queue, calls } = await slowDisk(t, mode);
    const page = driver.pages();
    const block = { namespaceId: 1, prp1: page, dwords: [0, 0, 7] };

    driver.bytes(page, PAGE).set(pattern(PAGE));
    const write = driver.submit(queue, { opcode: OP.WRITE, ...block });
    await settle();
    driver.bytes(page, PAGE).fill(0);
    t.same(calls[0]?.bytes, pattern(PAGE), 'a copy of what the command was given');
    calls[0]?.end();
    t.equal((await write).status, 0);

    const read = driver.submit(queue, { opcode: OP.READ, ...block });
    await settle();
    calls[0]?.bytes.set(pattern(PAGE, 3));
    t.ok(driver.bytes(page, PAGE).every((byte) => byte === 0));
    calls[0]?.end();
    t.equal((await read).status, 0);
    t.same(driver.bytes(page, PAGE), pattern(PAGE, 3));

    const compare = driver.submit(queue, { opcode: OP.COMPARE, ...block });
    await settle();
    calls[0]?.bytes.set(pattern(PAGE, 3));
    calls[0]?.end();
    t.equal((await compare).status, 0, 'compare');
  });

  t.test(`memory that was unmapped meanwhile is not written to (${mode})`, async (t) => {
    const { driver, queue, calls } = await slowDisk(t, mode);
    const page = driver.pages();
    const memory = driver.bytes(page, PAGE);
    const read = driver.submit(queue, {
      opcode: OP.READ,
      namespaceId: 1,
      prp1: page,
      dwords: [0, 0, 7],
    });
    await settle();
    driver.host.unmap(page, PAGE);
    calls[0]?.bytes.fill(7);
    calls[0]?.end();
    t.equal((await read).status, 0x04, 'data transfer error');
    t.ok(memory.every((byte) => byte === 0));
    t.equal(driver.read32(0x1c), 1, 'the controller goes on');
  });

  t.test(`everything but the disk works while it does not answer (${mode})`, async (t) => {
    const { driver, queue, calls } = await slowDisk(t, mode);
    const page = driver.pages();
    const writes = Array.from({ length: 1000 }, () =>
      driver.place(queue, { opcode: OP.WRITE, namespaceId: 1, prp1: page }),
    );
    queue.ring();
    while (calls.length < 256) await settle(1);
    await settle();
    t.equal(calls.length, 256, 'what the guest can make us keep is bounded');
    t.equal(driver.read32(0x08), 0x0001_0400, 'a register');
    const identify = { opcode: 0x06, prp1: driver.pages(), dwords: [1] };
    t.equal((await driver.execute(identify)).status, 0, 'identify');

    let isDeleted = false;
    const deletion = driver.execute({ opcode: 0x00, dwords: [1] }).then(() => {
      isDeleted = true;
    });
    await settle();
    t.notOk(isDeleted, 'a queue goes when its last command has ended');
    const begun = Promise.all(writes.slice(0, 256));
    while (calls.length > 0) calls[0]?.end();
    t.ok((await begun).every(({ status }) => status === 0));
    await deletion;
    t.equal(calls.length, 0, 'no further command was begun');
  });

  t.test(`what ends after a reset is not told (${mode})`, async (t) => {
    const { driver, queue, calls } = await slowDisk(t, mode);
    const page = driver.pages();
    for (const opcode of [OP.READ, OP.WRITE]) {
      void driver.submit(queue, { opcode, namespaceId: 1, prp1: page, dwords: [0, 0, 7] });
    }
    while (calls.length < 2) await settle(1);
    driver.disable();
    driver.enable();
    const again = await driver.queuePair(1);
    driver.host.raised.length = 0;
    calls.find(({ name }) => name === 'read')?.bytes.fill(7);
    while (calls.length > 0) calls[0]?.end();
    await settle();
    t.ok(driver.bytes(page, PAGE).every((byte) => byte === 0));
    t.same(driver.host.raised, []);
    const flush = await driver.submit(again, { opcode: OP.FLUSH, namespaceId: 1 });
    t.equal(flush.status, 0);
  });
}
