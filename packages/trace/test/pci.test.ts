import fc from 'fast-check';
import t from 'tap';
import { decodeConfigSpace } from '../src/pci/config-space.js';
import { barText, capabilityText, headerLines } from '../src/pci/format.js';

const present =
  (...bars: number[]) =>
  (bar: number) =>
    bars.includes(bar);

/** A configuration space of `length` bytes with `patches` (offset, bytes) applied. */
function space(length: number, patches: Readonly<Record<number, readonly number[]>>): Uint8Array {
  const bytes = new Uint8Array(length);
  for (const [offset, values] of Object.entries(patches)) bytes.set(values, Number(offset));
  return bytes;
}

const nvme = space(4096, {
  0: [0x36, 0x1b, 0x10, 0x00, 0x06, 0x04, 0x10, 0x00, 0x02, 0x02, 0x08, 0x01],
  16: [0x04, 0x00, 0x00, 0xfe, 0x01, 0x00, 0x00, 0x00],
  24: [0x08, 0x00, 0x00, 0xe0, 0x01, 0xc0, 0x00, 0x00],
  44: [0xf4, 0x1a, 0x00, 0x11],
  52: [0x40],
  61: [0x01],
  64: [0x01, 0x50, 0x03, 0x00, 0x08, 0x00],
  80: [0x05, 0x60, 0x89, 0x01, 0x00, 0x10, 0xe0, 0xfe, 0, 0, 0, 0, 0x41, 0x00],
  96: [0x11, 0x70, 0x1f, 0x80, 0x00, 0x20, 0, 0, 0x02, 0x30, 0, 0],
  112: [0x10, 0x00, 0x02, 0x00, 0x01, 0x80, 0x00, 0x10, 0x20, 0x20, 0, 0, 0x11, 0, 0, 0],
  256: [0x03, 0x00, 0x01, 0x11, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01],
  272: [0x0b, 0x00, 0x01, 0x00, 0x34, 0x12, 0xa1, 0x00, 0xaa, 0xbb],
});

t.test('the header is decoded with class name, flags and BARs of every kind', async (t) => {
  const config = decodeConfigSpace(nvme, present(0, 2, 3));
  t.strictSame(headerLines(config), [
    '1b36:0010 NVM Express controller [010802] (rev 02)',
    '  Subsystem: 1af4:1100',
    '  Control: I/O- Mem+ BusMaster+ ParErr- SERR- DisINTx+',
    '  Status: INTx- Cap+ 66MHz- FastB2B-',
    '  Interrupt: pin A',
  ]);
  t.strictSame(
    config.bars.map((bar) => `${bar.index} ${barText(bar)}`),
    [
      '0 memory 64-bit, non-prefetchable, at 0x1fe000000',
      '2 memory 32-bit, prefetchable, at 0xe0000000',
      '3 I/O ports, at 0xc000',
    ],
  );
});

t.test('capabilities of both lists are decoded', async (t) => {
  const { capabilities } = decodeConfigSpace(nvme, present());
  t.strictSame(capabilities.map(capabilityText), [
    '[40] Power Management: version=3 d1- d2- state=D0 noSoftReset+ pmeEnable-',
    '[50] MSI: enable+ vectors=1/16 is64Bit+ maskable+ address=0x00000000fee01000 data=0x0041',
    '[60] MSI-X: enable+ count=32 masked- table=BAR0+0x2000 pba=BAR2+0x3000',
    '[70] PCI Express: version=2 type=Endpoint maxPayload=256/256 maxReadRequest=512 flReset+ link=x1 2.5GT/s',
    '[100 v1] Device Serial Number: serial=01-23-45-67-89-ab-cd-ef',
    '[110 v1] Vendor Specific: vsecId=0x1234 revision=1 length=10 data=aa bb',
  ]);
});

t.test('a vendor capability shows its first bytes, an unknown id its number', async (t) => {
  const bytes = space(256, {
    6: [0x10],
    52: [0x40],
    64: [0x09, 0x60, 0x20, 1, 2, 3],
    96: [0x7f, 0x00],
  });
  t.strictSame(decodeConfigSpace(bytes, present()).capabilities.map(capabilityText), [
    '[40] Vendor Specific: length=32 data=01 02 03 00 00 00 00 00 00 00 00 00 00 00 00 00 ...',
    '[60] id 0x7f',
  ]);
});

t.test('a capability list that loops ends', async (t) => {
  const bytes = space(256, { 6: [0x10], 52: [0x40], 64: [0x01, 0x40] });
  t.equal(decodeConfigSpace(bytes, present()).capabilities.length, 48);
});

t.test('without the status bit the list at 0x34 is not followed', async (t) => {
  const bytes = space(256, { 52: [0x40], 64: [0x01, 0x00] });
  t.strictSame(decodeConfigSpace(bytes, present()).capabilities, []);
});

t.test('any bytes are decoded without an error', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 512 }), fc.uint8Array({ maxLength: 64 }), (a, b) => {
      const bytes = new Uint8Array(1024);
      bytes.set(a);
      bytes.set(b, 0x100);
      const config = decodeConfigSpace(bytes.subarray(0, a.length * 2), present(0, 1, 2, 3, 4, 5));
      return [...headerLines(config), ...config.capabilities.map(capabilityText)].length > 0;
    }),
  );
});
