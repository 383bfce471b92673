import t from 'tap';
import type { PciDevice } from '../../src/device/device.js';
import { pciExpress } from '../../src/pci/capabilities/pci-express.js';
import { powerManagement } from '../../src/pci/capabilities/power-management.js';
import { plainDevice } from '../device/fakes.js';
import { buildFunction, memoryBar, read, write } from './fakes.js';

const rom = { size: 0x1_0000, access: memoryBar('memory32', 0x1_0000).access };

t.test('the header carries the identity', async (t) => {
  const { config } = buildFunction({
    identity: {
      vendorId: 0x494f,
      deviceId: 0x0dc8,
      revisionId: 3,
      classCode: 0x01_08_02,
      subsystemVendorId: 0x1af4,
      subsystemId: 0x1100,
    },
    intx: true,
  });
  t.equal(config.length, 256);
  t.equal(read(config, 0x00, 4), 0x0dc8_494f);
  t.equal(read(config, 0x08, 4), 0x0108_0203);
  t.equal(read(config, 0x2c, 4), 0x1100_1af4);
  t.equal(read(config, 0x3d, 1), 1, 'interrupt pin A');
  t.equal(read(config, 0x34, 1), 0, 'no capability list');
  t.equal(read(config, 0x06, 2), 0);
  t.equal(read(buildFunction().config, 0x3d, 1), 0);
});

t.test('a capability sets the list bit, and an express one makes 4096 bytes', async (t) => {
  const conventional = buildFunction({ capabilities: [powerManagement()] }).config;
  t.equal(conventional.length, 256);
  t.equal(read(conventional, 0x06, 2), 0x10);
  t.equal(read(conventional, 0x34, 1), 0x40);
  t.equal(buildFunction({ capabilities: [pciExpress()] }).config.length, 4096);
});

t.test('a driver writes what it may, in any size, and nothing else', async (t) => {
  const { config } = buildFunction({ intx: true });
  write(config, 0x04, 2, 0x0507);
  t.equal(read(config, 0x04, 2), 0x0507);
  write(config, 0x04, 4, 0xffff_ffff);
  t.equal(read(config, 0x04, 4), 0x0000_0547, 'unknown command bits and the status stay zero');
  const identity = new Uint8Array(0x10);
  config.readBlock(0, identity);
  config.writeBlock(0, new Uint8Array(0x10).fill(0xff));
  t.equal(read(config, 0x00, 4), 0x5678_1234);
  t.equal(read(config, 0x08, 4), 0x0108_0200);
  t.equal(read(config, 0x0c, 4), 0xffff, 'cache line size and latency timer');
  write(config, 0x3b, 4, 0xffff_0aff);
  t.equal(read(config, 0x3c, 4), 0x0000_010a, 'interrupt line beside read-only neighbours');
  const express = buildFunction({ capabilities: [pciExpress()] }).config;
  write(express, 0x0d, 1, 0x40);
  t.equal(read(express, 0x0d, 1), 0, 'PCI Express has no latency timer');
});

t.test('the status register mirrors INTx and its error bits are cleared by ones', async (t) => {
  const { config, interrupts } = buildFunction({ intx: true });
  interrupts.setIntx(true);
  t.equal(read(config, 0x06, 2), 0x0008);
  config.set16(0x06, 0xf900);
  write(config, 0x06, 2, 0x8000);
  t.equal(read(config, 0x06, 2), 0x7908);
  interrupts.setIntx(false);
  t.equal(read(config, 0x06, 1), 0);
});

t.test('sizing by all-ones finds every kind of BAR', async (t) => {
  const { config } = buildFunction({
    bars: {
      0: memoryBar('memory32', 0x1000),
      1: memoryBar('io', 0x100),
      2: memoryBar('memory64', 2 ** 33, { prefetchable: true }),
      4: memoryBar('memory64', 0x4000),
    },
    rom,
  });
  const size = (offset: number): number => {
    write(config, offset, 4, 0xffff_ffff);
    return read(config, offset, 4);
  };
  t.equal(read(config, 0x14, 4), 0x1);
  t.equal(read(config, 0x18, 4), 0xc);
  t.equal(read(config, 0x20, 4), 0x4);
  t.equal(size(0x10), 0xffff_f000);
  t.equal(size(0x14), 0xffff_ff01);
  t.equal(size(0x18), 0x0000_000c, 'lower half of 8 GiB');
  t.equal(size(0x1c), 0xffff_fffe, 'upper half of 8 GiB');
  t.equal(size(0x20), 0xffff_c004);
  t.equal(size(0x24), 0xffff_ffff);
  t.equal(size(0x30), 0xffff_0001, 'ROM with its enable bit');
  write(config, 0x30, 4, 0xffff_f800);
  t.equal(read(config, 0x30, 4), 0xffff_0000);
  write(config, 0x10, 4, 0xfebf_0004);
  t.equal(read(config, 0x10, 4), 0xfebf_0000);
  write(config, 0x18, 4, 0);
  write(config, 0x1c, 4, 0x40);
  t.strictSame([read(config, 0x18, 4), read(config, 0x1c, 4)], [0xc, 0x40]);
});

t.test('64-bit sizes around 4 GiB are exact', async (t) => {
  for (const [size, low, high] of [
    [2 ** 31, 0x8000_0004, 0xffff_ffff],
    [2 ** 32, 0x0000_0004, 0xffff_ffff],
    [2 ** 34, 0x0000_0004, 0xffff_fffc],
    [2 ** 40, 0x0000_0004, 0xffff_ff00],
  ] as const) {
    const { config } = buildFunction({ bars: { 0: memoryBar('memory64', size) } });
    write(config, 0x10, 4, 0xffff_ffff);
    write(config, 0x14, 4, 0xffff_ffff);
    t.strictSame([read(config, 0x10, 4), read(config, 0x14, 4)], [low, high], `${size} bytes`);
  }
});

t.test('BARs that are not there read zero', async (t) => {
  const { config } = buildFunction();
  for (let offset = 0x10; offset <= 0x30; offset += 4) {
    if (offset !== 0x2c) write(config, offset, 4, 0xffff_ffff);
    t.equal(read(config, offset, 4), 0);
  }
});

t.test('impossible devices are refused with a reason', async (t) => {
  const identity = plainDevice().identity;
  const bad: readonly [what: RegExp, parts: Partial<PciDevice>][] = [
    [/BAR0 has 3000 bytes/, { bars: { 0: memoryBar('memory32', 3000) } }],
    [/BAR0 has 8 bytes/, { bars: { 0: memoryBar('memory32', 8) } }],
    [/BAR0 has 4294967296 bytes/, { bars: { 0: memoryBar('memory32', 2 ** 32) } }],
    [/BAR2 has 2 bytes/, { bars: { 2: memoryBar('io', 2) } }],
    [/BAR2 has 131072 bytes/, { bars: { 2: memoryBar('io', 0x20000) } }],
    [/BAR2: only memory/, { bars: { 2: memoryBar('io', 16, { prefetchable: true }) } }],
    [/BAR3 is 64-bit/, { bars: { 3: memoryBar('memory64', 4096) } }],
    [/BAR5 is 64-bit/, { bars: { 5: memoryBar('memory64', 4096) } }],
    [
      /BAR3 is the upper half of the 64-bit BAR2/,
      { bars: { 2: memoryBar('memory64', 4096), 3: memoryBar('io', 16) } },
    ],
    [/ROM has 1024 bytes/, { rom: { ...rom, size: 1024 } }],
    [/vendorId is 65535/, { identity: { ...identity, vendorId: 0xffff } }],
    [/deviceId is 65536/, { identity: { ...identity, deviceId: 0x10000 } }],
    [/revisionId is 1.5/, { identity: { ...identity, revisionId: 1.5 } }],
    [/classCode is/, { identity: { ...identity, classCode: 0x1000000 } }],
    [/subsystemId is -1/, { identity: { ...identity, subsystemId: -1 } }],
  ];
  for (const [message, parts] of bad) {
    t.throws(() => buildFunction(parts), { code: 'VFU_CONFIG_INVALID', message }, `${message}`);
  }
});
