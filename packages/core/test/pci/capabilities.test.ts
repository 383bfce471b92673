import t from 'tap';
import { deviceSerialNumber } from '../../src/pci/capabilities/device-serial-number.js';
import { type MsiOptions, msi } from '../../src/pci/capabilities/msi.js';
import { type MsixOptions, msix } from '../../src/pci/capabilities/msix.js';
import { pciExpress } from '../../src/pci/capabilities/pci-express.js';
import { powerManagement } from '../../src/pci/capabilities/power-management.js';
import { vendorSpecific } from '../../src/pci/capabilities/vendor-specific.js';
import { vendorSpecificExtended } from '../../src/pci/capabilities/vendor-specific-extended.js';
import { Irq } from '../../src/protocol/enums.js';
import { notifiers, setIrqs } from '../device/fakes.js';
import { buildFunction, read, write } from './fakes.js';

const invalid = { code: 'VFU_CONFIG_INVALID' };

t.test('power management moves between the states the function has', async (t) => {
  const { config, resets } = buildFunction({ capabilities: [powerManagement({ d2: true })] });
  t.equal(read(config, 0x42, 2), 0x0403, 'version 1.2, D2');
  t.equal(read(config, 0x44, 2), 0x0008, 'D0, no soft reset');
  write(config, 0x44, 2, 0xffff);
  t.equal(read(config, 0x44, 2), 0x000b, 'D3hot, and nothing else is writable');
  write(config, 0x44, 1, 0);
  write(config, 0x44, 2, 1);
  t.equal(read(config, 0x44, 2), 0x0008, 'there is no D1');
  write(config, 0x44, 2, 2);
  t.equal(read(config, 0x44, 2), 0x000a);
  t.strictSame(resets, []);
});

t.test('leaving D3hot resets a function that says so', async (t) => {
  const { config, resets } = buildFunction({
    capabilities: [powerManagement({ softReset: true })],
  });
  t.equal(read(config, 0x44, 2), 0);
  write(config, 0x44, 2, 0);
  write(config, 0x44, 2, 3);
  write(config, 0x44, 2, 3);
  t.strictSame(resets, []);
  write(config, 0x44, 2, 0);
  t.strictSame(resets, ['power']);
});

t.test('MSI takes its layout from what it offers', async (t) => {
  const length = (options: MsiOptions): number => msi(options).length;
  t.equal(length({ vectors: 1, address64: false }), 10);
  t.equal(length({ vectors: 1 }), 14);
  t.equal(length({ vectors: 1, address64: false, vectorMasking: true }), 20);
  t.equal(length({ vectors: 1, vectorMasking: true }), 24);
  for (const vectors of [0, 3, 64, 1.5]) t.throws(() => msi({ vectors }), invalid);

  const { config } = buildFunction({ capabilities: [msi({ vectors: 8, address64: false })] });
  t.equal(read(config, 0x42, 2), 0x0006);
  config.writeBlock(0x44, new Uint8Array(8).fill(0xff));
  t.equal(read(config, 0x44, 4), 0xffff_fffc, 'address, aligned');
  t.equal(read(config, 0x48, 4), 0x0000_ffff, '16 bits of data');
});

t.test('MSI grants no more vectors than it has', async (t) => {
  const { config, interrupts } = buildFunction({ capabilities: [msi({ vectors: 8 })] });
  const fds = notifiers(8);
  interrupts.apply(setIrqs(0x24, Irq.MSI, 0, 8), fds);
  write(config, 0x42, 2, 0x0071);
  t.equal(read(config, 0x42, 2), 0x00b7, 'enabled, 8 of 8');
  t.equal(interrupts.mode, 'msi');
  interrupts.raise(7);
  t.equal(fds[7]?.signals, 1);
  write(config, 0x42, 1, 0x11);
  interrupts.raise(7);
  t.equal(fds[1]?.signals, 1, 'two granted: vector 7 shares with 1');
  write(config, 0x42, 2, 0);
  t.equal(read(config, 0x42, 2), 0x0086, 'what it is capable of is read-only');
});

t.test('MSI mask and pending bits work through the registers', async (t) => {
  const { config, interrupts } = buildFunction({
    capabilities: [msi({ vectors: 4, vectorMasking: true })],
  });
  const fds = notifiers(4);
  interrupts.apply(setIrqs(0x24, Irq.MSI, 0, 4), fds);
  write(config, 0x42, 2, 0x0021);
  t.equal(read(config, 0x42, 2), 0x01a5);
  write(config, 0x50, 4, 0xffff_ffff);
  t.equal(read(config, 0x50, 4), 0xf, 'no mask bits beyond the vectors');
  interrupts.raise(2);
  t.equal(read(config, 0x54, 4), 0b100);
  write(config, 0x54, 4, 0);
  t.equal(read(config, 0x54, 4), 0b100, 'pending bits are read-only');
  write(config, 0x50, 1, 0b1011);
  t.equal(fds[2]?.signals, 1);
  t.equal(read(config, 0x54, 4), 0);
});

t.test('MSI-X control keeps only enable and function mask', async (t) => {
  const { config, interrupts } = buildFunction({
    capabilities: [
      msix({
        vectors: 2048,
        table: { bar: 2, offset: 0x1000 },
        pendingBits: { bar: 4, offset: 0x800 },
      }),
    ],
  });
  t.equal(read(config, 0x42, 2), 0x07ff);
  t.equal(read(config, 0x44, 4), 0x1002);
  t.equal(read(config, 0x48, 4), 0x0804);
  write(config, 0x42, 2, 0xffff);
  t.equal(read(config, 0x42, 2), 0xc7ff);
  t.equal(interrupts.mode, 'msix');
  write(config, 0x42, 2, 0);
  t.equal(read(config, 0x42, 2), 0x07ff);
  write(config, 0x43, 1, 0x80);
  t.equal(interrupts.mode, 'msix', 'one byte is enough');
  write(config, 0x43, 2, 0x0000);
  t.equal(interrupts.mode, 'none', 'a write that begins in the middle counts too');
  write(config, 0x42, 2, 0x8000);
  write(config, 0x44, 1, 0xff);
  t.equal(read(config, 0x42, 2), 0x87ff, 'the byte after it changes nothing');
});

t.test('impossible MSI-X layouts are refused', async (t) => {
  const table = { bar: 0, offset: 0 } as const;
  const bad: readonly MsixOptions[] = [
    { vectors: 0, table },
    { vectors: 2049, table },
    { vectors: 1, table: { bar: 0, offset: 4 } },
    { vectors: 1, table: { bar: 6 as 5, offset: 0 } },
    { vectors: 1, table, pendingBits: { bar: 0, offset: 2 ** 32 } },
  ];
  for (const options of bad) t.throws(() => msix(options), invalid);
});

t.test('PCI Express resets the function when asked to, and the bit reads zero', async (t) => {
  const { config, resets } = buildFunction({ capabilities: [pciExpress()] });
  t.equal(read(config, 0x42, 2), 0x0002, 'version 2 endpoint');
  t.equal(read(config, 0x44, 4), 0x1000_8000, 'function-level reset');
  t.equal(read(config, 0x48, 2), 0x2810);
  write(config, 0x48, 2, 0x2810);
  t.strictSame(resets, []);
  write(config, 0x48, 2, 0xa810);
  t.strictSame(resets, ['function-level']);
  t.equal(read(config, 0x48, 2), 0x2810);
  write(config, 0x48, 4, 0x000f_a810);
  write(config, 0x49, 1, 0x80);
  t.equal(resets.length, 3, 'other sizes work as well');
});

t.test('PCI Express without function-level reset ignores the bit', async (t) => {
  const { config, resets } = buildFunction({
    capabilities: [pciExpress({ functionLevelReset: false })],
  });
  t.equal(read(config, 0x44, 4), 0x0000_8000);
  write(config, 0x48, 2, 0xffff);
  t.strictSame(resets, []);
  t.equal(read(config, 0x48, 2), 0x7fff);
});

t.test('PCI Express has status bits to clear and the second set of controls', async (t) => {
  const { config } = buildFunction({ capabilities: [pciExpress()] });
  config.set16(0x4a, 0xf);
  write(config, 0x4a, 2, 0x3);
  t.equal(read(config, 0x4a, 2), 0xc);
  t.equal(read(config, 0x4c, 4), 0x11, 'link capabilities: 2.5 GT/s, one lane');
  t.equal(read(config, 0x52, 2), 0x11, 'link status');
  write(config, 0x68, 2, 0xbeef);
  write(config, 0x70, 2, 0xcafe);
  t.equal(read(config, 0x68, 2), 0xbeef);
  t.equal(read(config, 0x70, 2), 0xcafe);
});

t.test('vendor-specific data is read-only, writable, or the device’s own', async (t) => {
  const own = new Uint8Array(4);
  const access = {
    readBlock: (offset: number, target: Uint8Array) =>
      target.set(own.subarray(offset, offset + target.length)),
    writeBlock: (offset: number, source: Uint8Array) => own.set(source, offset),
  };
  const data = Uint8Array.of(1, 2, 3, 4, 5);
  const { config } = buildFunction({
    capabilities: [
      vendorSpecific({ data }),
      vendorSpecific({ data, writable: true }),
      vendorSpecific({ access, size: 4 }),
      pciExpress({ offset: 0x80 }),
      vendorSpecificExtended({ vsecId: 0xabcd, revision: 2, data }),
      vendorSpecificExtended({ vsecId: 1, access, size: 4 }),
    ],
  });
  t.equal(read(config, 0x42, 2), 0x0108, 'length 8, then the data');
  for (const at of [0x43, 0x4b, 0x53, 0x108]) write(config, at, 4, 0x6655_4433);
  t.equal(read(config, 0x43, 4), 0x0403_0201);
  t.equal(read(config, 0x4b, 4), 0x6655_4433);
  t.strictSame([...own], [0x33, 0x44, 0x55, 0x66]);
  t.equal(read(config, 0x53, 4), 0x6655_4433);

  t.equal(read(config, 0x104, 4), 0x00d2_abcd, 'VSEC header: 13 bytes, revision 2');
  t.equal(read(config, 0x108, 4), 0x0403_0201);
  t.equal(read(config, 0x110 + 8, 4), 0x6655_4433);

  t.throws(() => vendorSpecific({ data: new Uint8Array(253) }), invalid);
  t.throws(() => vendorSpecificExtended({ vsecId: 0x10000, data }), invalid);
  t.throws(() => vendorSpecificExtended({ vsecId: 1, revision: 16, data }), invalid);
});

t.test('a device serial number is 64 bits', async (t) => {
  const { config } = buildFunction({
    capabilities: [pciExpress(), deviceSerialNumber(0xfedc_ba98_7654_3210n)],
  });
  t.equal(read(config, 0x104, 4), 0x7654_3210);
  t.equal(read(config, 0x108, 4), 0xfedc_ba98);
  t.throws(() => deviceSerialNumber(2n ** 64n), invalid);
  t.throws(() => deviceSerialNumber(-1n), invalid);
});
