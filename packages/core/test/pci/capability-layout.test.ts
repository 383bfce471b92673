import t from 'tap';
import type { Capability } from '../../src/pci/capabilities/capability.js';
import { deviceSerialNumber } from '../../src/pci/capabilities/device-serial-number.js';
import { msi } from '../../src/pci/capabilities/msi.js';
import { pciExpress } from '../../src/pci/capabilities/pci-express.js';
import { powerManagement } from '../../src/pci/capabilities/power-management.js';
import { vendorSpecific } from '../../src/pci/capabilities/vendor-specific.js';
import { vendorSpecificExtended } from '../../src/pci/capabilities/vendor-specific-extended.js';
import { buildFunction, read, write } from './fakes.js';

const data = Uint8Array.of(0xaa, 0xbb);

/** Follow a list as a driver does: `[id, offset]` of each. */
function walk(capabilities: readonly Capability[]): [id: number, offset: number][] {
  const { config } = buildFunction({ capabilities });
  const found: [number, number][] = [];
  for (let at = read(config, 0x34, 1); at !== 0; at = read(config, at + 1, 1)) {
    found.push([read(config, at, 1), at]);
  }
  return found;
}

function walkExtended(capabilities: readonly Capability[]): [id: number, offset: number][] {
  const { config } = buildFunction({ capabilities });
  const found: [number, number][] = [];
  for (let at = 0x100; at !== 0; ) {
    const header = read(config, at, 4);
    // Version 1 of each, or the id would not match below.
    found.push([(header & 0xf_ffff) - 0x1_0000, at]);
    at = header >>> 20;
  }
  return found;
}

t.test('capabilities are linked in the order listed, packed on 4-byte boundaries', async (t) => {
  t.strictSame(walk([powerManagement(), vendorSpecific({ data }), msi({ vectors: 1 })]), [
    [0x01, 0x40],
    [0x09, 0x48],
    [0x05, 0x50],
  ]);
});

t.test('fixed places are kept, and the others fill the gaps', async (t) => {
  const capabilities = [
    powerManagement({ offset: 0x80 }),
    pciExpress(),
    vendorSpecific({ data, offset: 0x48 }),
    vendorSpecific({ data }),
  ];
  t.strictSame(walk(capabilities), [
    [0x01, 0x80],
    [0x10, 0x88],
    [0x09, 0x48],
    [0x09, 0x40],
  ]);
});

t.test('extended capabilities start at 0x100', async (t) => {
  const capabilities = [
    pciExpress(),
    deviceSerialNumber(1n),
    vendorSpecificExtended({ vsecId: 1, data }),
    vendorSpecificExtended({ vsecId: 2, data, offset: 0x200 }),
    vendorSpecificExtended({ vsecId: 3, data }),
  ];
  t.strictSame(walkExtended(capabilities), [
    [0x03, 0x100],
    [0x0b, 0x10c],
    [0x0b, 0x200],
    [0x0b, 0x118],
  ]);
});

t.test('headers are read-only', async (t) => {
  const { config } = buildFunction({
    capabilities: [powerManagement(), pciExpress(), deviceSerialNumber(0x1122_3344_5566_7788n)],
  });
  const before = new Uint8Array(4096);
  config.readBlock(0, before);
  write(config, 0x40, 2, 0xffff);
  config.writeBlock(0x100, new Uint8Array(12).fill(0xff));
  const after = new Uint8Array(4096);
  config.readBlock(0, after);
  t.strictSame(after, before);
});

t.test('layouts that cannot be are refused with a reason', async (t) => {
  const odd = { length: 4, describe() {} };
  const bad: readonly [message: RegExp, capabilities: readonly Capability[]][] = [
    [/0x9 at 0x42: offsets are multiples of 4/, [vendorSpecific({ data, offset: 0x42 })]],
    [/0x9 at 0x3c to 0x40 is not inside 0x40/, [vendorSpecific({ data, offset: 0x3c })]],
    [/is not inside 0x40 to 0xff/, [vendorSpecific({ data, offset: 0x100 })]],
    [/is not inside 0x40 to 0xff/, [powerManagement({ offset: 0xfc })]],
    [
      /0x9 at 0x44 to 0x48 overlaps 0x1 at 0x40/,
      [powerManagement({ offset: 0x40 }), vendorSpecific({ data, offset: 0x44 })],
    ],
    [
      /0x9 at 0x.* is not inside/,
      [
        vendorSpecific({ data: new Uint8Array(150) }),
        vendorSpecific({ data: new Uint8Array(150) }),
      ],
    ],
    [/0x1 is listed more than once/, [powerManagement(), powerManagement()]],
    [/need a pciExpress\(\) capability/, [deviceSerialNumber(1n)]],
    [/the list starts at 0x100/, [pciExpress(), deviceSerialNumber(1n, 0x200)]],
    [/is not inside 0x100 to 0xfff/, [pciExpress(), deviceSerialNumber(1n, 0x1000)]],
    [/is not inside 0x100 to 0xfff/, [pciExpress(), deviceSerialNumber(1n, 0xff8)]],
    [/capability id 0 is not/, [{ ...odd, id: 0 }]],
    [/capability id 256 is not/, [{ ...odd, id: 256 }]],
    [/0x7 has 1 bytes, its header alone 2/, [{ ...odd, id: 7, length: 1 }]],
  ];
  for (const [message, capabilities] of bad) {
    t.throws(
      () => buildFunction({ capabilities }),
      { code: 'VFU_CONFIG_INVALID', message },
      `${message}`,
    );
  }
});
