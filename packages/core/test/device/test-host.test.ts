import t from 'tap';
import { z } from 'zod';
import {
  type DeviceHost,
  definePciDevice,
  msi,
  msix,
  type PciDeviceDefinition,
  RemoteError,
  TestHost,
} from '../../src/index.js';

const GUEST = 0x10000;
const PAGE = 4096;
const IDENTITY = { vendorId: 1, deviceId: 2, classCode: 0xff0000 };

/** A device that does what a test tells it through {@link DeviceHost}. */
function probe(): { definition: PciDeviceDefinition<{ size: number }>; host(): DeviceHost } {
  let lent: DeviceHost | undefined;
  const words = new Uint32Array(4);
  const definition = definePciDevice({
    name: 'probe',
    summary: 'for this test',
    options: z.strictObject({ size: z.coerce.number().default(16) }),
    create(host, { size }) {
      lent = host;
      return {
        identity: IDENTITY,
        intx: true,
        capabilities: [msi({ vectors: 2 }), msix({ vectors: 3, table: { bar: 1, offset: 0 } })],
        bars: {
          0: {
            kind: 'memory32',
            size,
            access: {
              read: (offset) => words[offset / 4] ?? 0,
              write(offset, _size, value) {
                words[offset / 4] = value;
                host.interrupts.setIntx(words[0] !== 0);
              },
            },
          },
        },
        reset: () => void words.fill(0),
      };
    },
  });
  return { definition, host: () => lent as DeviceHost };
}

t.test('an interrupt comes after the writes issued before it, in every way', async (t) => {
  for (const by of ['shared', 'messages'] as const) {
    const { definition, host: device } = probe();
    const host = await TestHost.plugIn(definition);
    const memory = host.map(GUEST, PAGE, { by });
    host.messages.hold = () => true;
    const writing = device().dma.write(GUEST + 8, Uint8Array.of(1, 2, 3));
    device().interrupts.raise(2);
    if (by === 'messages') {
      t.strictSame(host.events, [], 'neither');
      host.messages.answer();
    }
    await writing;
    t.strictSame(host.events, ['write 0x10008 3', 'msix 2']);
    t.strictSame(host.raised, [2]);
    t.strictSame([...memory.subarray(8, 11)], [1, 2, 3]);
    t.strictSame([...host.guest(GUEST + 9, 2)], [2, 3]);
    await host.close();
  }
});

t.test('rights and mappings are those of the core', async (t) => {
  const { definition, host: device } = probe();
  const host = await TestHost.plugIn(definition);
  host.map(GUEST, 3 * PAGE, { rights: 'r', by: 'messages' });
  const { dma } = device();
  t.throws(() => dma.range(GUEST, 4, 'write'), { message: /does not allow it/ });
  host.guest(GUEST + 2 * PAGE, 1)[0] = 7;
  host.messages.hold = () => true;
  const under = dma.read(GUEST + PAGE, new Uint8Array(4));
  host.unmap(GUEST + PAGE, PAGE);
  await t.rejects(under, { code: 'VFU_DMA_FAULT' }, 'it is no longer mapped');
  t.throws(() => dma.range(GUEST + PAGE, 4, 'read'), { code: 'VFU_DMA_FAULT' });
  host.messages.release();
  const byte = new Uint8Array(1);
  await dma.read(GUEST + 2 * PAGE, byte);
  t.equal(byte[0], 7, 'what lies around it is still there');
  host.messages.failNext(new RemoteError('refused', 5));
  await t.rejects(dma.read(GUEST, byte), { code: 'VFU_REMOTE_ERROR' });
  host.unmapAll();
  t.throws(() => dma.range(GUEST, 4, 'read'), { code: 'VFU_DMA_FAULT' });
  t.throws(() => host.guest(0, 4), { message: 'the guest has no 4 bytes of memory at 0x0' });
});

t.test('a driver chooses how it is interrupted', async (t) => {
  const { definition, host: device } = probe();
  const host = await TestHost.plugIn(definition, {}, { interrupts: 'msi' });
  t.equal(device().interrupts.mode, 'msi');
  device().interrupts.raise(1);
  host.useInterrupts('intx');
  t.equal(device().interrupts.mode, 'intx');
  for (let round = 0; round < 2; round++) {
    host.write(0, 0, 4, 1);
    t.ok(host.intx);
    host.write(0, 4, 4, 5);
    host.write(0, 0, 4, 0);
    t.notOk(host.intx);
  }
  device().interrupts.raiseError();
  device().interrupts.requestRelease();
  host.useInterrupts('none');
  host.write(0, 0, 4, 1);
  t.strictSame(host.events, ['msi 1', 'intx', 'intx', 'error', 'release']);
});

t.test(
  'registers are reached by any bytes, and a device that failed answers no more',
  async (t) => {
    const { definition, host: device } = probe();
    const host = await TestHost.plugIn(definition);
    host.write(0, 4, 8, 0x1_0000_0002);
    t.equal(host.read(0, 4, 4), 2);
    t.equal(host.read(0, 8, 4), 1);
    t.equal(host.read(0, 4, 8), 0x1_0000_0002);
    t.throws(() => host.read(0, 16, 4), { code: 'VFU_REQUEST_REFUSED' });
    t.throws(() => host.read(3, 0, 4), { message: 'the device has no region 3' });
    device().fail(new Error('broken'));
    t.equal(host.read(0, 4, 4), 0xffff_ffff);
    t.match(host.logged, [/the device failed/]);
    await host.reset('device');
    t.equal(host.read(0, 4, 4), 0);
  },
);

t.test('what is awaited in vain is named, and so are wrong settings', async (t) => {
  const { definition } = probe();
  const host = await TestHost.plugIn(definition);
  await host.until(() => true, 'nothing');
  const { now } = performance;
  t.teardown(() => {
    performance.now = now;
  });
  let time = 0;
  performance.now = () => (time += 6000);
  await t.rejects(
    host.until(() => false, 'the bell'),
    { message: 'the bell: not within 10 s; the guest last saw: nothing' },
  );
  await t.rejects(TestHost.plugIn(definition, { sise: '3' }), { code: 'VFU_CONFIG_INVALID' });
});

t.test('what no machine does is refused', async (t) => {
  const { definition } = probe();
  const host = await TestHost.plugIn(definition);
  t.throws(() => host.map(GUEST + 1, PAGE), { message: /4096 bytes at 0x10001: not whole pages/ });
  t.throws(() => host.map(GUEST, 10), { message: /10 bytes at 0x10000: not whole pages/ });
  host.map(GUEST, 2 * PAGE);
  t.throws(() => host.unmap(GUEST, 1), { message: /not whole pages/ });
  t.throws(() => host.unmap(GUEST + PAGE, 2 * PAGE), { message: /ends before that/ });
  const plain = { ...definition, create: () => ({ identity: IDENTITY, reset() {} }) };
  const poor = await TestHost.plugIn(plain);
  t.throws(() => poor.useInterrupts('msi'), { message: 'the device has no msi interrupts' });
});
