import t from 'tap';
import { nvme } from '../../src/nvme/index.js';
import { inBothModes } from './both-modes.js';
import { type Driver, PAGE, type Result } from './driver.js';

const STATUS = { OPCODE: 0x01, FIELD: 0x02, NAMESPACE: 0x0b, SEQUENCE: 0x0c } as const;

function text(bytes: Uint8Array, offset: number, length: number): string {
  return Buffer.from(bytes.subarray(offset, offset + length))
    .toString('latin1')
    .trimEnd();
}

function u16(bytes: Uint8Array, offset: number): number {
  return Buffer.from(bytes).readUInt16LE(offset);
}

async function identify(
  driver: Driver,
  cns: number,
  namespaceId = 0,
): Promise<[Result, Uint8Array]> {
  const page = driver.pages();
  const done = await driver.execute({ opcode: 0x06, namespaceId, prp1: page, dwords: [cns] });
  return [done, driver.bytes(page, PAGE)];
}

inBothModes(
  'identify describes controller and namespace',
  async (t, driver) => {
    const [done, controller] = await identify(driver, 1);
    t.equal(done.status, 0);
    t.equal(u16(controller, 0), driver.device.identity.vendorId, 'VID');
    t.equal(text(controller, 4, 20), 'S1', 'SN');
    t.equal(text(controller, 24, 40), 'Test', 'MN');
    t.equal(controller[77], 7, 'MDTS');
    t.equal(Buffer.from(controller).readUInt32LE(80), 0x10400, 'VER');
    t.equal(controller[512], 0x66, 'SQES');
    t.equal(controller[513], 0x44, 'CQES');
    t.equal(Buffer.from(controller).readUInt32LE(516), 1, 'NN');
    t.match(
      text(controller, 768, 200),
      /^nqn\.2014-08\.org\.nvmexpress:uuid:[0-9a-f-]{36}\0/,
      'SUBNQN',
    );

    const [, namespace] = await identify(driver, 0, 1);
    t.equal(Buffer.from(namespace).readBigUInt64LE(0), BigInt(16 * 2048), 'NSZE in blocks');
    t.equal(namespace[130], 9, 'LBADS');

    const [, active] = await identify(driver, 2, 0);
    t.strictSame([...active.subarray(0, 8)], [1, 0, 0, 0, 0, 0, 0, 0], 'one active namespace');
    const [, after] = await identify(driver, 2, 1);
    t.ok(
      after.every((byte) => byte === 0),
      'none after the last',
    );
    const [, descriptors] = await identify(driver, 3, 1);
    t.equal(descriptors[0], 3, 'a UUID');
    t.equal(descriptors[1], 16);
    const [, controllers] = await identify(driver, 0x13);
    t.strictSame([...controllers.subarray(0, 4)], [1, 0, 0, 0], 'one controller, number 0');
  },
  { serial: 'S1', model: 'Test' },
);

inBothModes('what does not exist is refused', async (t, driver) => {
  t.equal((await identify(driver, 0, 2))[0].status, STATUS.NAMESPACE, 'another namespace');
  t.equal((await identify(driver, 3, 0))[0].status, STATUS.NAMESPACE, 'no namespace');
  t.equal((await identify(driver, 2, 0xffff_ffff))[0].status, STATUS.NAMESPACE);
  t.equal((await identify(driver, 0x1c))[0].status, STATUS.FIELD, 'another structure');
  for (const opcode of [0x0d, 0x10, 0x80, 0xff]) {
    const done = await driver.execute({ opcode });
    t.equal(done.status, STATUS.OPCODE, `opcode ${opcode}`);
    t.ok(done.doNotRetry);
  }
  t.equal((await driver.execute({ opcode: 0x06, flags: 0x40 })).status, STATUS.FIELD, 'SGL');
  t.equal((await driver.execute({ opcode: 0x06, flags: 0x01 })).status, STATUS.FIELD, 'fused');
  const fault = await driver.execute({ opcode: 0x06, prp1: 0x4000_0000_0000, dwords: [1] });
  t.equal(fault.status, 0x04, 'a data transfer error where no memory is');
});

inBothModes(
  'queues are created only as the specification allows',
  async (t, driver) => {
    const page = driver.pages();
    const create = (opcode: number, id: number, size: number, dword11: number, prp1 = page) =>
      driver.execute({ opcode, prp1, dwords: [id | (size << 16), dword11] });
    const cases: readonly [string, number, Promise<Result>][] = [
      ['completion queue 0', 0x101, create(0x05, 0, 15, 1)],
      ['a completion queue id above the limit', 0x101, create(0x05, 5, 15, 1)],
      ['a completion queue of one entry', 0x102, create(0x05, 1, 0, 1)],
      ['a completion queue above MQES', 0x102, create(0x05, 1, 1024, 1)],
      ['a scattered completion queue', 0x02, create(0x05, 1, 15, 0)],
      ['a completion queue off the page', 0x13, create(0x05, 1, 15, 1, page + 16)],
      ['an interrupt vector above the limit', 0x108, create(0x05, 1, 15, 3 | (5 << 16))],
      ['a completion queue outside memory', 0x04, create(0x05, 1, 15, 1, 0)],
      ['a submission queue without completion queue', 0x100, create(0x01, 1, 15, 1 | (1 << 16))],
      ['a submission queue on the admin completion queue', 0x101, create(0x01, 1, 15, 1)],
      [
        'a submission queue with a completion queue above the limit',
        0x101,
        create(0x01, 1, 15, 1 | (9 << 16)),
      ],
    ];
    for (const [what, status, done] of cases) t.equal((await done).status, status, what);

    await driver.queuePair(1);
    t.equal((await create(0x05, 1, 15, 1)).status, 0x101, 'a completion queue twice');
    t.equal((await create(0x01, 1, 15, 1 | (1 << 16))).status, 0x101, 'a submission queue twice');
    t.equal(
      (await create(0x01, 2, 0, 1 | (1 << 16))).status,
      0x102,
      'a submission queue of one entry',
    );
    t.equal((await create(0x01, 2, 15, 1 << 16)).status, 0x02, 'a scattered submission queue');
    t.equal(
      (await create(0x01, 2, 15, 1 | (1 << 16), page + 4)).status,
      0x13,
      'a submission queue off the page',
    );

    const remove = async (opcode: number, id: number) =>
      (await driver.execute({ opcode, dwords: [id] })).status;
    t.equal(await remove(0x04, 1), 0x10c, 'a completion queue in use');
    t.equal(await remove(0x00, 0), 0x101, 'the admin queue is not deleted');
    t.equal(await remove(0x00, 3), 0x101, 'nor one that is not there');
    t.equal(await remove(0x04, 3), 0x101);
    t.equal(await remove(0x00, 1), 0);
    t.equal(await remove(0x04, 1), 0);
    await driver.queuePair(1);
    t.pass('and created again');
  },
  { queues: 4 },
);

inBothModes(
  'features are set, read back and lost over a reset',
  async (t, driver) => {
    const set = (id: number, value: number, namespaceId = 0) =>
      driver.execute({ opcode: 0x09, namespaceId, dwords: [id, value] });
    const get = (id: number, select = 0, dword11 = 0) =>
      driver.execute({ opcode: 0x0a, dwords: [id | (select << 8), dword11] });

    t.equal((await set(0x07, 0x0007_0007)).result, 0x0003_0003, 'queues granted');
    t.equal((await get(0x07)).result, 0x0003_0003);
    t.equal((await set(0x07, 0xffff)).status, STATUS.FIELD, '65,536 queues');
    t.equal((await set(0x01, 0x0102_0305)).status, 0, 'arbitration');
    t.equal((await get(0x01)).result, 0x0102_0305);
    t.equal((await get(0x01, 1)).result, 3, 'its default');
    t.equal((await get(0x01, 2)).result, 3, 'its saved value is the default');
    t.equal((await get(0x01, 3)).result, 4, 'changeable');
    t.equal((await get(0x05, 3)).result, 6, 'error recovery belongs to a namespace');
    t.equal((await set(0x05, 7, 1)).status, 0);
    t.equal((await set(0x05, 7, 5)).status, STATUS.NAMESPACE);
    t.equal((await set(0x01, 0, 1)).status, 0x10f, 'arbitration does not');
    t.equal((await set(0x02, 3)).status, STATUS.FIELD, 'a power state that is not there');
    t.equal((await set(0x09, 0x1_0002)).status, 0, 'interrupt vector configuration');
    t.equal((await get(0x09, 0, 2)).result, 0x1_0002);
    t.equal((await get(0x09, 0, 1)).result, 1);
    t.equal((await set(0x09, 9)).status, STATUS.FIELD);
    t.equal((await set(0x06, 1)).status, STATUS.FIELD, 'memory has no volatile write cache');
    t.equal((await set(0x7f, 1)).status, STATUS.FIELD, 'an unknown feature');
    t.equal((await get(0x7f)).status, STATUS.FIELD);
    t.equal((await get(0x01, 4)).status, STATUS.FIELD, 'an unknown selection');
    t.equal((await set(0x8000_0001 | 0, 1)).status, 0x10d, 'nothing is saved');
    await driver.queuePair(1);
    t.equal((await set(0x07, 0x0001_0001)).status, STATUS.SEQUENCE, 'queues exist already');

    driver.disable();
    driver.enable();
    t.equal((await get(0x01)).result, 3, 'arbitration is the default again');
  },
  { queues: 4 },
);

inBothModes('the timestamp runs from what the host set', async (t, driver) => {
  const page = driver.pages();
  Buffer.from(driver.bytes(page, 8).buffer).writeUIntLE(
    1_700_000_000_000,
    driver.bytes(page, 8).byteOffset,
    6,
  );
  t.equal((await driver.execute({ opcode: 0x09, prp1: page, dwords: [0x0e] })).status, 0);
  const answer = driver.pages();
  t.equal((await driver.execute({ opcode: 0x0a, prp1: answer, dwords: [0x0e] })).status, 0);
  const bytes = Buffer.from(driver.bytes(answer, 8));
  const elapsed = bytes.readUIntLE(0, 6) - 1_700_000_000_000;
  t.ok(elapsed >= 0 && elapsed < 10_000, 'a little later');
  t.equal(bytes[6], 2, 'set by the host');
});

t.test('options', async (t) => {
  const parse = (set: Record<string, unknown>) => nvme.options.parse(set);
  t.match(parse({ size: '64M', lba: '4096', queues: '2', readonly: 'true' }), {
    size: 64 * 2 ** 20,
    lba: 4096,
    queues: 2,
    readonly: true,
    doorbells: 'auto',
  });
  for (const [bad, message] of [
    [{}, /size=64M/],
    [{ size: '64X' }, /expected a size such as/],
    [{ size: '64M', lba: '1024' }, /512 or 4096/],
    [{ size: '64M', queues: '0' }, />=1/],
    [{ size: '64M', sizes: '1' }, /sizes/],
    [{ size: '64M', serial: 'x'.repeat(21) }, /20/],
    [{ size: '1' }, /block/],
  ] as const) {
    t.throws(() => parse(bad), { message }, JSON.stringify(bad));
  }
});
