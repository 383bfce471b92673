import t from 'tap';
import { serveTestDevice } from './fixture.js';
import * as request from './requests.js';
import { MSIX_VECTORS } from './test-device.js';
import { DEVICE_GET_INFO, DEVICE_GET_IRQ_INFO, EINVAL, ERR, INTX, MSI, MSIX, REQ } from './wire.js';

t.test(
  'DEVICE_GET_INFO: a PCI device that can be reset, nine regions, five interrupts',
  async (t) => {
    const client = await (await serveTestDevice(t)).connected();
    for (const argsz of [16, 32, 0xffff_ffff]) {
      const info = await client.call(DEVICE_GET_INFO, request.deviceInfo(argsz));
      t.equal(info.length, 16, 'the reply is no longer than what there is to say');
      t.equal(info.readUInt32LE(0), 16, 'argsz');
      t.equal(info.readUInt32LE(4), 3, 'flags');
      t.equal(info.readUInt32LE(8), 9, 'num_regions');
      t.equal(info.readUInt32LE(12), 5, 'num_irqs');
    }
  },
);

t.test('DEVICE_GET_INFO needs its whole structure, in the payload and in argsz', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const whole = request.deviceInfo();
  t.equal(await client.refusal(DEVICE_GET_INFO, whole.subarray(0, 8)), EINVAL);
  t.equal(await client.refusal(DEVICE_GET_INFO, whole.subarray(0, 15)), EINVAL);
  t.equal(await client.refusal(DEVICE_GET_INFO, request.deviceInfo(8)), EINVAL);
  t.equal(await client.refusal(DEVICE_GET_INFO, request.deviceInfo(15)), EINVAL);
});

t.test('DEVICE_GET_IRQ_INFO tells flags and count of each index', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const eventfd = 1;
  const maskable = 2;
  const automasked = 4;
  const expected: readonly (readonly [index: number, flags: number, count: number])[] = [
    [INTX, eventfd | maskable | automasked, 1],
    [MSI, eventfd | maskable, 4],
    [MSIX, eventfd | maskable, MSIX_VECTORS],
    [ERR, eventfd, 1],
    [REQ, eventfd, 1],
  ];
  for (const [index, flags, count] of expected) {
    for (const argsz of [16, 64]) {
      const info = await client.call(DEVICE_GET_IRQ_INFO, request.irqInfo(index, argsz));
      t.equal(info.length, 16);
      t.equal(info.readUInt32LE(0), 16, 'argsz');
      t.equal(info.readUInt32LE(4), flags, `flags of ${index}`);
      t.equal(info.readUInt32LE(8), index, 'index');
      t.equal(info.readUInt32LE(12), count, `count of ${index}`);
    }
  }
});

t.test('an interrupt the device does not have has count 0', async (t) => {
  const client = await (await serveTestDevice(t, { device: { messages: false } })).connected();
  for (const index of [MSI, MSIX]) {
    const info = await client.call(DEVICE_GET_IRQ_INFO, request.irqInfo(index));
    t.equal(info.readUInt32LE(4), 0, 'flags');
    t.equal(info.readUInt32LE(12), 0, 'count');
  }
});

t.test('DEVICE_GET_IRQ_INFO refuses what is too short and what is not there', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const whole = request.irqInfo(MSIX);
  t.equal(await client.refusal(DEVICE_GET_IRQ_INFO, whole.subarray(0, 8)), EINVAL);
  t.equal(await client.refusal(DEVICE_GET_IRQ_INFO, request.irqInfo(MSIX, 8)), EINVAL);
  t.equal(await client.refusal(DEVICE_GET_IRQ_INFO, request.irqInfo(5)), EINVAL);
  t.equal(await client.refusal(DEVICE_GET_IRQ_INFO, request.irqInfo(0xffff_ffff)), EINVAL);
});
