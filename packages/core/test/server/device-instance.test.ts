import t from 'tap';
import { z } from 'zod';
import { definePciDevice, type PciDevice } from '../../src/device/device.js';
import { silentLogger } from '../../src/logger.js';
import { DeviceInstance } from '../../src/server/device-instance.js';

t.test('what a device that could not be made had taken is given back', async (t) => {
  const closed: string[] = [];
  const transport = {
    createMemory: (name: string, length: number) => ({
      view: () => new Uint8Array(length),
      close: () => closed.push(name),
    }),
  };
  const make = (rest: () => PciDevice) =>
    DeviceInstance.create(
      definePciDevice({
        name: 'test',
        summary: 'test',
        options: z.unknown(),
        create(host) {
          host.allocateDeviceMemory('its memory', 4096);
          return rest();
        },
      }),
      undefined,
      silentLogger,
      transport as unknown as Parameters<typeof DeviceInstance.create>[3],
    );
  const failing = make(() => {
    throw new Error('no image');
  });
  await t.rejects(failing, /no image/);
  t.same(closed.splice(0), ['its memory']);

  const invalid = make(() => ({
    identity: { vendorId: 0x1234, deviceId: 1, classCode: 0xff0000 },
    bars: { 0: { kind: 'memory32', size: 1000, access: { read: () => 0, write() {} } } },
    reset() {},
    close: () => void closed.push('the device'),
  }));
  await t.rejects(invalid, { code: 'VFU_CONFIG_INVALID' });
  t.same(closed.splice(0), ['the device', 'its memory']);

  const stuck = make(() => ({
    identity: { vendorId: 0x1_0000, deviceId: 1, classCode: 0 },
    reset() {},
    close: () => Promise.reject(new Error('it cannot be closed either')),
  }));
  await t.rejects(stuck, { code: 'VFU_CONFIG_INVALID' });
  t.same(closed.splice(0), ['its memory']);

  const wordy = make(() => ({
    identity: { vendorId: 1, deviceId: 1, classCode: 0 },
    serial: 'x'.repeat(129),
    reset() {},
  }));
  const tooLong = 'serial of test has 129 characters, at most 128 fit';
  await t.rejects(wordy, { code: 'VFU_CONFIG_INVALID', message: tooLong });
  t.same(closed.splice(0), ['its memory']);

  const nothing = make(() => undefined as unknown as PciDevice);
  const reason = 'create() of test must return a device: it lacks identity or reset()';
  await t.rejects(nothing, { code: 'VFU_CONFIG_INVALID', message: reason });
  t.same(closed, ['its memory']);
});
