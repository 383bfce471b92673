import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { deviceSerialNumber } from '../../src/pci/capabilities/device-serial-number.js';
import { msi } from '../../src/pci/capabilities/msi.js';
import { msix } from '../../src/pci/capabilities/msix.js';
import { pciExpress } from '../../src/pci/capabilities/pci-express.js';
import { powerManagement } from '../../src/pci/capabilities/power-management.js';
import { vendorSpecific } from '../../src/pci/capabilities/vendor-specific.js';
import { vendorSpecificExtended } from '../../src/pci/capabilities/vendor-specific-extended.js';
import type { RegisterSet } from '../../src/pci/register-set.js';
import { buildFunction, memoryBar, write } from './fakes.js';

/** The format of `lspci -xxxx`. */
function dump(config: RegisterSet): string {
  const bytes = new Uint8Array(config.length);
  config.readBlock(0, bytes);
  const lines = ['00:00.0 Device'];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)].map((b) => b.toString(16).padStart(2, '0'));
    lines.push(`${at.toString(16).padStart(2, '0')}: ${row.join(' ')}`);
  }
  return `${lines.join('\n')}\n\n`;
}

const { error } = spawnSync('lspci', ['--version']);
const skip =
  error === undefined
    ? false
    : 'lspci is not on this machine: install the Debian package pciutils to run this test';

t.test('lspci understands the configuration space', { skip }, async (t) => {
  const data = Uint8Array.of(1, 2, 3, 4, 5);
  const { config } = buildFunction({
    identity: {
      vendorId: 0x1234,
      deviceId: 0x5678,
      revisionId: 0x02,
      classCode: 0x01_08_02,
      subsystemVendorId: 0x4321,
      subsystemId: 0x8765,
    },
    intx: true,
    bars: {
      0: memoryBar('memory64', 0x4000),
      2: memoryBar('io', 0x100),
      3: memoryBar('memory32', 0x1000, { prefetchable: true }),
    },
    capabilities: [
      powerManagement(),
      msi({ vectors: 8, vectorMasking: true }),
      msix({
        vectors: 33,
        table: { bar: 0, offset: 0x2000 },
        pendingBits: { bar: 0, offset: 0x3000 },
      }),
      vendorSpecific({ data }),
      pciExpress(),
      deviceSerialNumber(0x0011_2233_4455_6677n),
      vendorSpecificExtended({ vsecId: 0x1af4, revision: 1, data }),
    ],
  });
  write(config, 0x10, 4, 0xfebf_0000);
  write(config, 0x18, 4, 0xc000);
  write(config, 0x1c, 4, 0xfeb0_0000);
  write(config, 0x04, 2, 0x0507);
  write(config, 0x3c, 1, 10);

  const file = join(t.testdir(), 'config.txt');
  writeFileSync(file, dump(config));
  const run = spawnSync('lspci', ['-F', file, '-n', '-vvv'], { encoding: 'utf8' });
  t.equal(run.status, 0, run.stderr);
  for (const line of [
    '00:00.0 0108: 1234:5678 (rev 02)',
    'Subsystem: 4321:8765',
    'Control: I/O+ Mem+ BusMaster+ SpecCycle- MemWINV- VGASnoop- ParErr- Stepping- SERR+ FastB2B- DisINTx+',
    'Status: Cap+ 66MHz-',
    'Interrupt: pin A routed to IRQ 10',
    'Region 0: Memory at febf0000 (64-bit, non-prefetchable)',
    'Region 2: I/O ports at c000',
    'Region 3: Memory at feb00000 (32-bit, prefetchable)',
    'Capabilities: [40] Power Management version 3',
    'Status: D0 NoSoftRst+ PME-Enable-',
    'Capabilities: [48] MSI: Enable- Count=1/8 Maskable+ 64bit+',
    'Capabilities: [60] MSI-X: Enable- Count=33 Masked-',
    'Vector table: BAR=0 offset=00002000',
    'PBA: BAR=0 offset=00003000',
    'Capabilities: [6c] Vendor Specific Information: Len=08',
    'Capabilities: [74] Express (v2) Endpoint',
    'FLReset+',
    'LnkSta:	Speed 2.5GT/s',
    'Width x1',
    'Capabilities: [100 v1] Device Serial Number 00-11-22-33-44-55-66-77',
    'Capabilities: [10c v1] Vendor Specific Information: ID=1af4 Rev=1 Len=00d',
  ]) {
    t.ok(run.stdout.includes(line), line);
  }
  t.notMatch(run.stdout, /unreadable|<chain|invalid/i);
  if (!t.passing()) t.comment(run.stdout);
});
