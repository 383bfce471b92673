import { inBothModes } from './both-modes.js';
import { type Driver, type Result, settle } from './driver.js';

const INVALID_FIELD = 0x02;

async function logPage(
  driver: Driver,
  page: number,
  length: number,
  extra: { offset?: number; retain?: boolean } = {},
): Promise<[Result, Uint8Array]> {
  const address = driver.pages();
  const dwords = [
    page | (extra.retain ? 1 << 15 : 0) | ((length / 4 - 1) << 16),
    0,
    extra.offset ?? 0,
  ];
  const done = await driver.execute({
    opcode: 0x02,
    namespaceId: 0xffff_ffff,
    prp1: address,
    dwords,
  });
  return [done, driver.bytes(address, length)];
}

inBothModes('log pages', async (t, driver) => {
  const io = await driver.queuePair(1);
  await driver.submit(io, {
    opcode: 0x02,
    namespaceId: 1,
    prp1: driver.pages(),
    dwords: [0, 0, 7],
  });
  await driver.submit(io, { opcode: 0x7e, id: 77 });

  const [, errors] = await logPage(driver, 1, 64);
  const entry = Buffer.from(errors);
  t.equal(entry.readUInt16LE(8), 1, 'the queue of the failed command');
  t.equal(entry.readUInt16LE(10), 77, 'its identifier');
  t.equal((entry.readUInt16LE(12) >>> 1) & 0x7ff, 1, 'its status');

  const [, smart] = await logPage(driver, 2, 512);
  t.equal(Buffer.from(smart).readUInt16LE(1), 313, 'temperature');
  t.equal(smart[64], 1, 'one read');
  t.equal(smart[32], 1, 'one data unit');
  const [, firmware] = await logPage(driver, 3, 512);
  t.equal(firmware[0], 1, 'slot 1 is active');
  const [, changed] = await logPage(driver, 4, 4096);
  t.ok(
    changed.every((byte) => byte === 0),
    'no namespace has changed',
  );
  const [, effects] = await logPage(driver, 5, 4096);
  t.equal(effects[0x06 * 4], 1, 'identify is supported');
  t.equal(effects[1024 + 4], 3, 'write changes contents');
  t.equal(effects[1024 + 0x0c * 4], 0, 'verify is not supported');
  const [, tail] = await logPage(driver, 5, 64, { offset: 1024 });
  t.equal(tail[4], 3, 'an offset into the page');

  t.equal((await logPage(driver, 0x70, 64))[0].status, 0x109, 'an unknown page');
  t.equal(
    (await logPage(driver, 2, 512, { offset: 516 }))[0].status,
    INVALID_FIELD,
    'beyond the end',
  );
});

inBothModes('a bad doorbell is an asynchronous event until its log is read', async (t, driver) => {
  const events: Result[] = [];
  const request = () => void driver.execute({ opcode: 0x0c }).then((done) => events.push(done));
  for (let count = 0; count < 4; count++) request();
  t.equal((await driver.execute({ opcode: 0x0c })).status, 0x105, 'a fifth request is too many');

  driver.write32(0x1000 + 8 * 3, 1);
  await settle();
  t.equal(events.length, 1);
  t.equal(events[0]?.result, 0x01_00_00, 'error, invalid doorbell register, log page 1');
  driver.write32(0x1000, 4000);
  await settle();
  t.equal(events.length, 1, 'masked until the log page is read');
  await logPage(driver, 1, 64, { retain: true });
  driver.write32(0x1000, 4000);
  await settle();
  t.equal(events.length, 1, 'still masked when the read retains the event');
  await logPage(driver, 1, 64);
  driver.write32(0x1004, 4000);
  await settle();
  t.equal(events.length, 2);
  t.equal(events[1]?.result, 0x01_01_00, 'invalid doorbell value');
  t.equal(
    (await driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] })).status,
    0,
    'still alive',
  );
});

inBothModes(
  'crossing the temperature threshold is an event if the host asked for it',
  async (t, driver) => {
    let event: Result | undefined;
    void driver.execute({ opcode: 0x0c }).then((done) => {
      event = done;
    });
    await driver.execute({ opcode: 0x09, dwords: [0x0b, 2] });
    await driver.execute({ opcode: 0x09, dwords: [0x04, 300] });
    await settle();
    t.equal(event?.result, 0x02_01_01, 'SMART, temperature, log page 2');
    const [, smart] = await logPage(driver, 2, 512);
    t.equal(smart[0], 2, 'a critical warning');
  },
);

inBothModes('abort ends a waiting event request and nothing else', async (t, driver) => {
  const request = driver.execute({ opcode: 0x0c, id: 900 });
  await settle();
  const abort = await driver.execute({ opcode: 0x08, dwords: [900 << 16] });
  t.equal(abort.status, 0);
  t.equal(abort.result, 0, 'aborted');
  t.equal((await request).status, 0x07, 'abort requested');
  const missed = await driver.execute({ opcode: 0x08, dwords: [900 << 16] });
  t.equal(missed.result, 1, 'nothing to abort');
});

inBothModes(
  'a doorbell value that would run over the other side is an event',
  async (t, driver) => {
    const queue = await driver.createPair(1, { entries: 8, completionEntries: 3 });
    const nextEvent = async () => {
      await logPage(driver, 1, 64);
      return driver.execute({ opcode: 0x0c });
    };
    let event = nextEvent();
    await settle();
    driver.write32(0x100c, 1);
    t.equal((await event).result, 0x01_01_00, 'a head beyond what was completed');

    event = nextEvent();
    await settle();
    for (let id = 0; id < 6; id++) void driver.place(queue, { opcode: 0x00, namespaceId: 1, id });
    queue.ring();
    await settle();
    driver.write32(0x1008, 4);
    t.equal((await event).result, 0x01_01_00, 'a tail that goes back over waiting commands');
  },
);
