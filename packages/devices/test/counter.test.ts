import t from 'tap';
import { counter } from '../src/counter/index.js';
import { FakeHost, registersOf } from './fake-host.js';

const VALUE = 0;
const STEP = 4;
const WRAPPED = 8;

async function createCounter(interruptMode: 'intx' | 'msix', modulus = 10) {
  const host = new FakeHost({ interruptMode });
  const device = await counter.create(host, { modulus });
  return { host, device, registers: registersOf(device, 0) };
}

t.test('counts, and raises a message interrupt on each wrap', async (t) => {
  const { host, registers } = await createCounter('msix');

  registers.write(STEP, 4, 9);
  t.equal(registers.read(VALUE, 4), 9);
  t.strictSame(host.interrupts.raised, [], 'none before the wrap');

  registers.write(STEP, 4, 1);
  t.equal(registers.read(VALUE, 4), 0);
  registers.write(STEP, 4, 12);
  t.equal(registers.read(VALUE, 4), 2);
  t.strictSame(host.interrupts.raised, [0, 0]);
});

t.test('holds the INTx line until the wrap is acknowledged', async (t) => {
  const { host, registers } = await createCounter('intx');

  registers.write(STEP, 4, 10);
  t.equal(registers.read(WRAPPED, 4), 1);
  t.ok(host.interrupts.intx);

  registers.write(WRAPPED, 4, 1);
  t.equal(registers.read(WRAPPED, 4), 0);
  t.notOk(host.interrupts.intx);
  t.strictSame(host.interrupts.raised, [], 'no message');
});

t.test('keeps what is written below the modulus and forgets it on reset', async (t) => {
  const { host, device, registers } = await createCounter('intx');

  registers.write(VALUE, 4, 25);
  t.equal(registers.read(VALUE, 4), 5);
  registers.write(STEP, 4, 0xffff_ffff);
  t.ok(registers.read(VALUE, 4) < 10);
  registers.write(0x40, 4, 7);
  t.equal(registers.read(0x40, 4), 0, 'other registers keep nothing');

  await device.reset('device');
  t.equal(registers.read(VALUE, 4), 0);
  t.notOk(host.interrupts.intx);
});

t.test('takes its modulus from text', async (t) => {
  t.strictSame(counter.options.parse({ modulus: '0x10' }), { modulus: 16 });
  t.strictSame(counter.options.parse({}), { modulus: 1000 });
  for (const bad of [{ modulus: '0' }, { modulus: 'ten' }, { modulos: '3' }]) {
    t.notOk(counter.options.safeParse(bad).success, JSON.stringify(bad));
  }
});
