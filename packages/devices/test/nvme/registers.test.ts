import t from 'tap';
import { Driver, settle } from './driver.js';

t.test('the registers say what the controller can do', async (t) => {
  const driver = await Driver.create('mapped');
  t.equal(driver.read32(0x00) & 0xffff, 1023, 'MQES');
  t.equal((driver.read32(0x00) >>> 16) & 1, 1, 'CQR');
  t.equal(driver.read32(0x04) & 0xf, 0, 'DSTRD');
  t.equal((driver.read32(0x04) >>> 5) & 1, 1, 'the NVM command set');
  t.equal(driver.read32(0x08), 0x10400, 'VS 1.4');
  t.equal(driver.read(0x0a, 2), 1, 'the major version as two bytes');
  t.equal(driver.read(0x09, 1), 4, 'the minor version as one byte');
  t.equal(driver.read32(0xf00), 0, 'reserved registers read 0');
  driver.write32(0x00, 0xffff_ffff);
  t.equal(driver.read32(0x08), 0x10400, 'read-only registers ignore writes');
});

t.test('the device is an NVMe controller with a mappable place for doorbells', async (t) => {
  const trapped = await Driver.create('mapped', { doorbells: 'trapped' });
  t.equal(trapped.device.identity.classCode, 0x010802);
  t.equal(trapped.device.bars?.[0]?.size, 0x4000);
  t.equal(trapped.device.bars?.[0]?.mappable, undefined, 'nothing is mappable');
  const mapped = await Driver.create('mapped', { doorbells: 'mapped' });
  t.strictSame(mapped.device.bars?.[0]?.mappable, [{ offset: 0x1000, size: 0x1000 }]);
  t.ok(
    (mapped.device.bars?.[0]?.memory?.bytes.length ?? 0) >= 0x2000,
    'offsets in it are offsets in BAR0',
  );
  mapped.device.close?.();
});

t.test('doorbells are trapped where a page of the host holds registers as well', async (t) => {
  for (const doorbells of ['mapped', 'auto']) {
    const driver = await Driver.create('mapped', { doorbells }, { pageBytes: 0x10000 });
    t.equal(driver.device.bars?.[0]?.mappable, undefined);
    driver.enable();
    const identify = { opcode: 0x06, prp1: driver.pages(), dwords: [1] };
    t.equal((await driver.execute(identify)).status, 0);
    driver.device.close?.();
  }
});

t.test('a controller becomes ready, is reset and becomes ready again', async (t) => {
  const driver = await Driver.create('mapped');
  t.equal(driver.read32(0x1c), 0, 'not ready before it is enabled');
  t.equal(driver.enable(), 1, 'ready');
  t.equal((await driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] })).status, 0);
  driver.disable();
  t.equal(driver.read32(0x1c), 0, 'not ready after a reset');
  t.equal(driver.read32(0x28), driver.admin.submissionAddress, 'ASQ survives a controller reset');
  t.equal(driver.enable(), 1, 'ready again');
  t.equal((await driver.execute({ opcode: 0x06, prp1: driver.pages(), dwords: [1] })).status, 0);
  driver.device.reset('function-level');
  t.equal(driver.read32(0x14), 0, 'CC is cleared by a function level reset');
  t.equal(driver.read32(0x28), 0, 'and so is ASQ');
});

t.test('what cannot work is a fatal status', async (t) => {
  const driver = await Driver.create('mapped');
  for (const [what, configuration] of [
    ['another command set', 0x0046_0071],
    ['pages that are too large', 0x0046_0281],
    ['another arbitration', 0x0046_0801],
  ] as const) {
    t.equal(driver.enable(32, configuration), 2, what);
    driver.disable();
    t.equal(driver.read32(0x1c), 0, 'cleared by disabling');
  }
  t.equal(driver.enable(1), 2, 'a queue of one entry');
  driver.disable();
  driver.write32(0x24, 0x001f_001f);
  driver.write32(0x28, 0);
  driver.write32(0x30, driver.pages());
  driver.write32(0x14, 0x0046_0001);
  t.equal(driver.read32(0x1c), 2, 'a queue outside of guest memory');
  driver.disable();
  t.equal(
    driver.enable(32, 0x0046_0201),
    driver.admin.submissionAddress % 65536 === 0 ? 1 : 2,
    '64 KiB pages',
  );
});

t.test('memory that vanishes under the queues is a fatal status', async (t) => {
  const driver = await Driver.create('mapped');
  driver.enable();
  driver.host.unmapAll();
  driver.write32(0x1000, 1);
  await settle();
  t.equal(driver.read32(0x1c), 3, 'ready, but failed');
  driver.write32(0x1000, 2);
  await settle();
  driver.disable();
  t.equal(driver.read32(0x1c), 0);
});

t.test('a shutdown is reported as complete', async (t) => {
  const driver = await Driver.create('mapped');
  driver.enable();
  driver.write32(0x14, 0x0046_4001);
  t.equal(driver.read32(0x1c), 0x5, 'shutdown processing occurs');
  await settle(2);
  t.equal(driver.read32(0x1c), 0x9, 'shutdown processing is complete');
  driver.disable();
  t.equal(driver.enable(), 1, 'enabling again clears it');
});
