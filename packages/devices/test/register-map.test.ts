import t from 'tap';
import { builtinDevices, registerMaps } from '../src/index.js';

const IDS = {
  counter: { vendorId: 0x1234, deviceId: 0xc001, classCode: 0xff0000 },
  gpio: { vendorId: 0x494f, deviceId: 0x0dc8, classCode: 0x118000 },
  nvme: { vendorId: 0x8086, deviceId: 0x5845, classCode: 0x010802 },
  bench: { vendorId: 0x1234, deviceId: 0xbe4c, classCode: 0xff0000 },
};

t.test('every device has register names, found by its ids and no other ones', async (t) => {
  t.strictSame([...registerMaps.keys()], [...builtinDevices.keys()]);
  for (const [name, ids] of Object.entries(IDS)) {
    const found = [...registerMaps].filter(([, map]) => map.describes(ids)).map(([key]) => key);
    t.strictSame(found, [name]);
  }
});

function nameAt(device: string, bar: number, offset: number): string | undefined {
  const map = registerMaps.get(device);
  return map?.bars[bar]?.find(offset)?.name;
}

t.test('registers are found by any of their bytes, and nothing beside them', async (t) => {
  t.equal(nameAt('counter', 0, 4), 'STEP');
  t.equal(nameAt('counter', 0, 0xc), undefined);
  t.equal(nameAt('counter', 1, 0), undefined);
  t.equal(nameAt('gpio', 2, 6), 'INTERRUPT_STATUS');
  t.equal(nameAt('bench', 0, 0x114), 'DMA_SOURCE');
  t.equal(nameAt('bench', 0, 0x134), 'DMA_PATTERN');
  t.equal(nameAt('nvme', 0, 0x2f), 'ASQ');
});

t.test('nvme doorbells are numbered, up to the end of their page', async (t) => {
  t.equal(nameAt('nvme', 0, 0x1000), 'SQ0TDBL');
  t.equal(nameAt('nvme', 0, 0x1004), 'CQ0HDBL');
  t.equal(nameAt('nvme', 0, 0x1018), 'SQ3TDBL');
  t.equal(nameAt('nvme', 0, 0x1ffc), 'CQ511HDBL');
  t.equal(nameAt('nvme', 0, 0x2000), undefined);
});

t.test('a register that only the specification has is marked', async (t) => {
  const map = registerMaps.get('nvme');
  t.match(map?.bars[0]?.find(0x3c), { name: 'CMBSZ', absent: true });
  t.match(map?.bars[0]?.find(0x14), { name: 'CC', offset: 0x14, size: 4, absent: false });
});
