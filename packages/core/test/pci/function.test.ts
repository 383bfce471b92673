import t from 'tap';
import type { BarDefinition, DeviceMemory, PciDevice } from '../../src/device/device.js';
import { readRegion, writeRegion } from '../../src/device/region.js';
import { msix } from '../../src/pci/capabilities/msix.js';
import { pciExpress } from '../../src/pci/capabilities/pci-express.js';
import { NUM_REGIONS } from '../../src/protocol/constants.js';
import { Irq, Region } from '../../src/protocol/enums.js';
import { notifiers, setIrqs } from '../device/fakes.js';
import { buildFunction, type FunctionBench, memoryBar, read, write } from './fakes.js';

const VECTORS = 3;

/** MSI-X table at 0x1000 and pending bits at 0x1800 of a BAR0 of 8 KiB. */
function withMsix(bars: PciDevice['bars'] = { 0: memoryBar('memory32', 0x2000) }): FunctionBench {
  const layout = {
    vectors: VECTORS,
    table: { bar: 0, offset: 0x1000 },
    pendingBits: { bar: 0, offset: 0x1800 },
  } as const;
  return buildFunction({ bars, capabilities: [msix(layout)] });
}

function bar0({ fn }: FunctionBench): Parameters<typeof read>[0] {
  const region = fn.region(0)!;
  return {
    readBlock: (offset, target) => readRegion(region, offset, target),
    writeBlock: (offset, source) => writeRegion(region, offset, source),
  };
}

t.test('each region index leads to what the device put there', async (t) => {
  const bars = { 0: memoryBar('memory64', 2 ** 33), 2: memoryBar('io', 16) };
  const rom = memoryBar('memory32', 2048);
  const vga = memoryBar('memory32', 0xc0000);
  const { fn } = buildFunction({ bars, rom, vga, capabilities: [pciExpress()] });
  t.strictSame(
    Array.from({ length: NUM_REGIONS + 1 }, (_, i) => fn.region(i)?.size),
    [2 ** 33, undefined, 16, undefined, undefined, undefined, 2048, 4096, 0xc0000, undefined],
  );
  t.equal(fn.region(6)?.writable, false, 'a ROM is read-only unless it says otherwise');
  t.equal(buildFunction().fn.region(7)?.size, 256, 'there is always a configuration space');
});

t.test('the device sees its BAR without the MSI-X structures', async (t) => {
  const device: number[][] = [];
  const access = {
    read: (offset: number, size: number) => {
      device.push([offset, size]);
      return 0x5555_5555;
    },
    write: (offset: number, size: number, value: number) => {
      device.push([offset, size, value]);
    },
  };
  const bar = bar0(withMsix({ 0: { kind: 'memory32', size: 0x2000, access } }));
  t.equal(read(bar, 0xffc, 4), 0x5555_5555);
  t.equal(read(bar, 0x100c, 4), 1, 'table entries power up masked');
  t.equal(read(bar, 0x1800, 4), 0);
  t.strictSame(device, [[0xffc, 4]]);
  const behind = new Uint8Array(8);
  bar.readBlock(0x102c, behind);
  t.equal(Buffer.from(behind).toString('hex'), '0100000055555555');

  device.length = 0;
  const across = new Uint8Array(16);
  bar.readBlock(0xffc, across);
  t.equal(Buffer.from(across).toString('hex'), '55555555000000000000000000000000');
  bar.writeBlock(0x102c, Uint8Array.of(0, 0, 0, 0, 9, 0, 0, 0));
  t.equal(read(bar, 0x102c, 4), 0);
  bar.writeBlock(0x17fe, new Uint8Array(12).fill(7));
  t.equal(read(bar, 0x1800, 4), 0, 'pending bits are read-only');
  t.strictSame(device, [
    [0xffc, 4],
    [0x1030, 4, 9],
    [0x17fe, 2, 0x0707],
    [0x1808, 2, 0x0707],
  ]);
});

t.test('a BAR for the MSI-X structures alone is added', async (t) => {
  const bench = withMsix({});
  t.equal(bench.fn.region(0)?.size, 0x2000);
  write(bench.config, 0x10, 4, 0xffff_ffff);
  t.equal(read(bench.config, 0x10, 4), 0xffff_e000);
  write(bar0(bench), 0x1004, 4, 0x1234);
  t.equal(read(bar0(bench), 0x1004, 4), 0x1234);
  write(bar0(bench), 0, 4, 1);
  t.equal(read(bar0(bench), 0, 4), 0, 'nothing besides them');

  const capabilities = [msix({ vectors: 1, table: { bar: 3, offset: 0 } })];
  t.equal(buildFunction({ capabilities }).fn.region(3)?.size, 4096, 'at least a page');
});

t.test('a table that nobody programmed holds nothing back', async (t) => {
  const bench = withMsix();
  const fds = notifiers(VECTORS);
  bench.interrupts.apply(setIrqs(0x24, Irq.MSIX, 0, VECTORS), fds);
  write(bench.config, 0x42, 2, 0x8000);
  bench.interrupts.raise(0);
  t.equal(fds[0]?.signals, 1);
});

t.test('a driver that programs the table masks and unmasks through it', async (t) => {
  const bench = withMsix();
  const bar = bar0(bench);
  const fds = notifiers(VECTORS);
  bench.interrupts.apply(setIrqs(0x24, Irq.MSIX, 0, VECTORS), fds);
  write(bench.config, 0x42, 2, 0x8000);

  bar.writeBlock(0x1010, Uint8Array.of(0xff, 0, 0xe0, 0xfe, 0, 0, 0, 0, 0x41, 0, 0, 0));
  t.equal(read(bar, 0x1010, 4), 0xfee0_00fc, 'message address, aligned');
  bench.interrupts.raise(1);
  bench.interrupts.raise(2);
  t.strictSame([fds[1]?.signals, fds[2]?.signals], [0, 1], 'only entry 1 was touched');
  t.equal(read(bar, 0x1800, 4), 0b10);
  write(bar, 0x101c, 4, 0);
  t.equal(fds[1]?.signals, 1);
  t.equal(read(bar, 0x1800, 4), 0);

  write(bench.config, 0x42, 2, 0xc000);
  bench.interrupts.raise(0);
  t.equal(read(bar, 0x1800, 4), 0b1, 'function mask');
  write(bench.config, 0x42, 2, 0x8000);
  t.equal(fds[0]?.signals, 1);
});

t.test('a reset brings back power-on state but keeps the client’s wiring', async (t) => {
  const bench = withMsix();
  const bar = bar0(bench);
  const fds = notifiers(VECTORS);
  bench.interrupts.apply(setIrqs(0x24, Irq.MSIX, 0, VECTORS), fds);
  write(bench.config, 0x42, 2, 0xc000);
  write(bench.config, 0x10, 4, 0xfebf_0000);
  write(bar, 0x1000, 4, 0x1000);
  bench.interrupts.raise(0);
  bench.fn.resetState();
  t.equal(read(bench.config, 0x42, 2), VECTORS - 1);
  t.equal(read(bench.config, 0x10, 4), 0);
  t.equal(read(bar, 0x1000, 4), 0);
  t.equal(read(bar, 0x1800, 4), 0);
  t.equal(fds[0]?.signals, 0);
  bench.interrupts.raise(0);
  t.equal(fds[0]?.signals, 1, 'neither masked nor cut off');
});

t.test('the INTx disable bit reaches the line', async (t) => {
  const { config, interrupts } = buildFunction({ intx: true });
  const [fd] = notifiers(1);
  interrupts.apply(setIrqs(0x24, Irq.INTX, 0, 1), fd === undefined ? [] : [fd]);
  write(config, 0x04, 2, 0x0400);
  interrupts.setIntx(true);
  t.equal(fd?.signals, 0);
  write(config, 0x05, 1, 0x00);
  t.equal(fd?.signals, 1);
});

function memory(length: number): DeviceMemory {
  return { bytes: new Uint8Array(length), readBlock() {}, writeBlock() {}, close() {} };
}

t.test('regions that cannot be mapped or placed as described are refused', async (t) => {
  const area = { offset: 0x1000, size: 0x1000 };
  const bar = (more: Partial<BarDefinition>, kind: BarDefinition['kind'] = 'memory32') => ({
    bars: { 0: memoryBar(kind, 0x4000, { memory: memory(0x4000), ...more }) },
  });
  const at = (table: number, pendingBits: number, parts: Partial<PciDevice>) => ({
    ...parts,
    capabilities: [
      msix({
        vectors: 64,
        table: { bar: 0, offset: table },
        pendingBits: { bar: 0, offset: pendingBits },
      }),
    ],
  });
  const bad: readonly [message: RegExp, parts: Partial<PciDevice>][] = [
    [/need memory behind the region/, bar({ mappable: [area], memory: undefined })],
    [/not made of whole pages/, bar({ mappable: [{ offset: 0x800, size: 0x1000 }] })],
    [/not made of whole pages/, bar({ mappable: [{ offset: 0, size: 0x800 }] })],
    [/not made of whole pages/, bar({ mappable: [{ offset: 0, size: 0 }] })],
    [/outside the region of 16384 bytes/, bar({ mappable: [{ offset: 0x4000, size: 0x1000 }] })],
    [/outside its memory of 4096 bytes/, bar({ mappable: [area], memory: memory(0x1000) })],
    [/overlaps another/, bar({ mappable: [{ offset: 0, size: 0x2000 }, area] })],
    [/only memory can be mappable/, bar({ mappable: [area] }, 'io')],
    [/I\/O event of 4 bytes/, bar({ ioEvents: [{ offset: 0x3ffe, size: 4, onSignal() {} }] })],
    [/shares a page with the MSI-X/, at(0x1800, 0x3000, bar({ mappable: [area] }))],
    [/shares a page with the MSI-X/, at(0x3000, 0x1ff8, bar({ mappable: [area] }))],
    [/MSI-X structure of 1024 bytes at 0x3e00 does not fit/, at(0x3e00, 0, bar({}))],
    [/table and pending bit array overlap/, at(0x3000, 0x33f8, bar({}))],
    [/BAR0 is I\/O, it must be memory/, at(0x1000, 0, bar({}, 'io'))],
    [
      /BAR1 is the upper half/,
      {
        bars: { 0: memoryBar('memory64', 0x1000) },
        capabilities: [msix({ vectors: 1, table: { bar: 1, offset: 0 } })],
      },
    ],
  ];
  for (const [message, parts] of bad) {
    t.throws(() => buildFunction(parts), { code: 'VFU_CONFIG_INVALID', message }, `${message}`);
  }
  buildFunction(at(0x3000, 0x3800, bar({ mappable: [area, { offset: 0, size: 0x1000 }] })));
});

t.test(
  'a device that failed answers in its configuration space only, until it is reset',
  async (t) => {
    const { fn, config } = buildFunction({ bars: { 0: memoryBar('memory32', 0x1000) } });
    const value = (): number => {
      const target = new Uint8Array(4);
      readRegion(fn.region(0)!, 0x10, target);
      return new DataView(target.buffer).getUint32(0, true);
    };
    writeRegion(fn.region(0)!, 0x10, Uint8Array.of(1, 0, 0, 0));
    fn.fail();
    t.equal(value(), 0xffff_ffff);
    writeRegion(fn.region(0)!, 0x10, Uint8Array.of(2, 0, 0, 0));
    t.equal(fn.region(0)?.size, 0x1000);
    t.equal(fn.region(Region.CONFIG)?.access, config);
    fn.resetState();
    t.equal(value(), 1, 'as it was');
  },
);
