import t from 'tap';
import { inBothModes } from './both-modes.js';
import { Driver, PAGE, pattern, type QueuePair, READ_ONLY_BASE, type Result } from './driver.js';

const BLOCK = 512;
const BLOCKS = 16 * 2048;
const OP = { FLUSH: 0, WRITE: 1, READ: 2, COMPARE: 5, ZEROES: 8, DSM: 9 } as const;
const STATUS = {
  FIELD: 0x02,
  NAMESPACE: 0x0b,
  PROTECTED: 0x20,
  RANGE: 0x80,
  COMPARE: 0x285,
} as const;

interface BlockCommand {
  readonly block?: number | bigint;
  readonly count?: number;
  readonly prp1?: number;
  readonly namespaceId?: number;
  readonly flags?: number;
}

function blocks(
  driver: Driver,
  queue: QueuePair,
  opcode: number,
  command: BlockCommand = {},
): Promise<Result> {
  const { block = 0, count = 1, prp1 = driver.pages(), namespaceId = 1, flags = 0 } = command;
  const first = BigInt(block);
  const dwords = [Number(first & 0xffff_ffffn), Number(first >> 32n), (count - 1) | flags];
  return driver.submit(queue, { opcode, namespaceId, prp1, dwords });
}

inBothModes('what is written is read', async (t, driver) => {
  const queue = await driver.queuePair(1);
  const [source, target] = [driver.pages(), driver.pages()];
  const data = pattern(PAGE);
  driver.bytes(source, PAGE).set(data);
  t.equal((await blocks(driver, queue, OP.WRITE, { block: 77, count: 8, prp1: source })).status, 0);
  t.equal((await blocks(driver, queue, OP.READ, { block: 77, count: 8, prp1: target })).status, 0);
  t.same(driver.bytes(target, PAGE), data);
  t.equal((await blocks(driver, queue, OP.READ, { block: 78, count: 1, prp1: target })).status, 0);
  t.same(driver.bytes(target, BLOCK), data.subarray(BLOCK, 2 * BLOCK), 'one of the blocks');
  t.same(driver.bytes(target + BLOCK, BLOCK), data.subarray(BLOCK, 2 * BLOCK), 'no more than that');
});

inBothModes('the last block is in range, nothing after it is', async (t, driver) => {
  const queue = await driver.queuePair(1);
  const cases: readonly [bigint, number, number][] = [
    [BigInt(BLOCKS - 1), 1, 0],
    [BigInt(BLOCKS - 8), 8, 0],
    [BigInt(BLOCKS), 1, STATUS.RANGE],
    [BigInt(BLOCKS - 7), 8, STATUS.RANGE],
    [2n ** 32n, 1, STATUS.RANGE],
    [2n ** 53n - 1n, 2, STATUS.RANGE],
    [2n ** 53n, 1, STATUS.RANGE],
    [2n ** 64n - 1n, 8, STATUS.RANGE],
    [2n ** 64n - 8n, 8, STATUS.RANGE],
  ];
  for (const [block, count, status] of cases) {
    for (const opcode of [OP.READ, OP.WRITE, OP.COMPARE, OP.ZEROES]) {
      const done = await blocks(driver, queue, opcode, { block, count });
      t.equal(done.status, status, `opcode ${opcode}, block ${block}, count ${count}`);
    }
  }
});

inBothModes('what a command may not ask for is refused', async (t, driver) => {
  const queue = await driver.queuePair(1);
  for (const opcode of [OP.READ, OP.WRITE, OP.COMPARE]) {
    t.equal(
      (await blocks(driver, queue, opcode, { count: 1025 })).status,
      STATUS.FIELD,
      'more than MDTS',
    );
    t.equal((await blocks(driver, queue, opcode, { namespaceId: 0 })).status, STATUS.NAMESPACE);
    t.equal((await blocks(driver, queue, opcode, { namespaceId: 2 })).status, STATUS.NAMESPACE);
  }
  t.equal(
    (await driver.submit(queue, { opcode: 0x7f, namespaceId: 1 })).status,
    0x01,
    'unknown opcode',
  );
  t.equal(
    (await driver.submit(queue, { opcode: OP.READ, flags: 0xc0, namespaceId: 1 })).status,
    STATUS.FIELD,
    'PSDT 3',
  );
  t.equal(
    (await driver.submit(queue, { opcode: OP.READ, flags: 0x01, namespaceId: 1 })).status,
    STATUS.FIELD,
    'fused',
  );
});

inBothModes('data outside of what the guest mapped is a transfer error', async (t, driver) => {
  const queue = await driver.queuePair(1);
  for (const opcode of [OP.READ, OP.WRITE, OP.COMPARE, OP.DSM]) {
    t.equal(
      (await blocks(driver, queue, opcode, { prp1: 0x1000 })).status,
      0x04,
      `opcode ${opcode}`,
    );
  }
  t.equal(
    (await blocks(driver, queue, OP.READ, { prp1: READ_ONLY_BASE })).status,
    0x04,
    'read-only memory',
  );
  t.equal(
    (await blocks(driver, queue, OP.WRITE, { prp1: READ_ONLY_BASE })).status,
    0,
    'may be read',
  );
});

inBothModes('compare tells equal from different', async (t, driver) => {
  const queue = await driver.queuePair(1);
  const page = driver.pages();
  driver.bytes(page, PAGE).set(pattern(PAGE));
  await blocks(driver, queue, OP.WRITE, { count: 8, prp1: page });
  t.equal((await blocks(driver, queue, OP.COMPARE, { count: 8, prp1: page })).status, 0);
  driver.bytes(page, PAGE)[PAGE - 1] = 0;
  t.equal(
    (await blocks(driver, queue, OP.COMPARE, { count: 8, prp1: page })).status,
    STATUS.COMPARE,
  );
  t.equal(
    (await blocks(driver, queue, OP.COMPARE, { count: 7, prp1: page })).status,
    0,
    'not compared',
  );
});

inBothModes('zeroes and deallocated blocks read as zeros', async (t, driver) => {
  const queue = await driver.queuePair(1);
  const page = driver.pages();
  const fill = () => driver.bytes(page, PAGE).fill(0xff);
  const readBack = async (block: number) => {
    fill();
    t.equal((await blocks(driver, queue, OP.READ, { block, prp1: page, count: 3 })).status, 0);
    return [0, 1, 2].map((index) => driver.bytes(page + index * BLOCK, 1)[0]);
  };
  fill();
  await blocks(driver, queue, OP.WRITE, { count: 8, prp1: page });
  t.equal((await blocks(driver, queue, OP.ZEROES, { block: 1, count: 1 })).status, 0);
  t.strictSame(await readBack(0), [0xff, 0, 0xff]);

  const ranges = new DataView(new ArrayBuffer(32));
  ranges.setUint32(4, 1, true);
  ranges.setBigUint64(8, 0n, true);
  ranges.setUint32(20, 2, true);
  ranges.setBigUint64(24, 4n, true);
  const list = driver.pages();
  const deallocate = (attributes: number) => {
    driver.bytes(list, 32).set(new Uint8Array(ranges.buffer));
    return driver.submit(queue, {
      opcode: OP.DSM,
      namespaceId: 1,
      prp1: list,
      dwords: [1, attributes],
    });
  };
  t.equal((await deallocate(0)).status, 0, 'hints do nothing');
  t.strictSame(await readBack(0), [0xff, 0, 0xff]);
  t.equal((await deallocate(4)).status, 0);
  t.strictSame(await readBack(0), [0, 0, 0xff]);
  t.strictSame(await readBack(3), [0xff, 0, 0]);
  ranges.setBigUint64(24, BigInt(BLOCKS), true);
  ranges.setBigUint64(8, 2n, true);
  t.equal((await deallocate(4)).status, STATUS.RANGE);
  t.strictSame(await readBack(2), [0xff, 0xff, 0], 'nothing is gone when a range is wrong');
});

inBothModes(
  'a read-only namespace keeps its blocks',
  async (t, driver) => {
    const queue = await driver.queuePair(1);
    t.equal((await blocks(driver, queue, OP.WRITE)).status, STATUS.PROTECTED);
    t.equal((await blocks(driver, queue, OP.ZEROES)).status, STATUS.PROTECTED);
    const deallocate = { opcode: OP.DSM, namespaceId: 1, prp1: driver.pages(), dwords: [0, 4] };
    t.equal((await driver.submit(queue, deallocate)).status, STATUS.PROTECTED);
    t.equal((await blocks(driver, queue, OP.READ)).status, 0);
    const page = driver.pages();
    await driver.execute({ opcode: 0x06, namespaceId: 1, prp1: page });
    t.equal(driver.bytes(page, 100)[99], 1, 'the host is told');
  },
  { readonly: true },
);

inBothModes(
  'blocks of 4096 bytes',
  async (t, driver) => {
    const queue = await driver.queuePair(1);
    const [source, target] = [driver.pages(), driver.pages()];
    driver.bytes(source, PAGE).set(pattern(PAGE, 9));
    const last = BLOCKS / 8 - 1;
    t.equal((await blocks(driver, queue, OP.WRITE, { block: last, prp1: source })).status, 0);
    t.equal((await blocks(driver, queue, OP.READ, { block: last, prp1: target })).status, 0);
    t.same(driver.bytes(target, PAGE), pattern(PAGE, 9));
    t.equal((await blocks(driver, queue, OP.READ, { block: last + 1 })).status, STATUS.RANGE);
    t.equal(
      (await blocks(driver, queue, OP.READ, { count: 129 })).status,
      STATUS.FIELD,
      'MDTS counts bytes',
    );
  },
  { lba: 4096 },
);

inBothModes('flush knows the namespace, or all of them', async (t, driver) => {
  const queue = await driver.queuePair(1);
  for (const [namespaceId, status] of [
    [1, 0],
    [0xffff_ffff, 0],
    [2, STATUS.NAMESPACE],
    [0, STATUS.NAMESPACE],
  ] as const) {
    t.equal((await driver.submit(queue, { opcode: OP.FLUSH, namespaceId })).status, status);
  }
});

t.test('a read by message at depth 1 waits for one message only', async (t) => {
  const driver = await Driver.create('messages');
  driver.enable();
  const queue = await driver.queuePair(1);
  const before = driver.host.messages.sent;
  await blocks(driver, queue, OP.READ, { count: 8 });
  t.equal(
    driver.host.messages.sent - before,
    3,
    'the entry is read; data and completion are posted',
  );
});
