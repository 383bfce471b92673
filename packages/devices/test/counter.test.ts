import { TestHost } from '@vfio-user/core';
import t from 'tap';
import { counter } from '../src/counter/index.js';

const VALUE = 0;
const STEP = 4;
const WRAPPED = 8;

async function createCounter(interruptMode: 'intx' | 'msix', modulus = 10) {
  const host = await TestHost.plugIn(counter, { modulus }, { interrupts: interruptMode });
  const registers = {
    read: (offset: number, size: number) => host.read(0, offset, size),
    write: (offset: number, size: number, value: number) => host.write(0, offset, size, value),
  };
  return { host, registers };
}

t.test('counts, and raises a message interrupt on each wrap', async (t) => {
  const { host, registers } = await createCounter('msix');

  registers.write(STEP, 4, 9);
  t.equal(registers.read(VALUE, 4), 9);
  t.strictSame(host.events, [], 'none before the wrap');

  registers.write(STEP, 4, 1);
  t.equal(registers.read(VALUE, 4), 0);
  registers.write(STEP, 4, 12);
  t.equal(registers.read(VALUE, 4), 2);
  t.strictSame(host.events, ['msix 0', 'msix 0']);
});

t.test('holds the INTx line until the wrap is acknowledged', async (t) => {
  const { host, registers } = await createCounter('intx');

  registers.write(STEP, 4, 10);
  t.equal(registers.read(WRAPPED, 4), 1);
  t.ok(host.intx);

  registers.write(WRAPPED, 4, 1);
  t.equal(registers.read(WRAPPED, 4), 0);
  t.notOk(host.intx);
  t.strictSame(host.events, ['intx'], 'no message');
});

t.test('keeps what is written below the modulus and forgets it on reset', async (t) => {
  const { host, registers } = await createCounter('intx');

  registers.write(VALUE, 4, 25);
  t.equal(registers.read(VALUE, 4), 5);
  registers.write(STEP, 4, 0xffff_ffff);
  t.ok(registers.read(VALUE, 4) < 10);
  registers.write(0x40, 4, 7);
  t.equal(registers.read(0x40, 4), 0, 'other registers keep nothing');

  await host.reset('device');
  t.equal(registers.read(VALUE, 4), 0);
  t.notOk(host.intx);
});

t.test('takes its modulus from text', async (t) => {
  t.strictSame(counter.options.parse({ modulus: '0x10' }), { modulus: 16 });
  t.strictSame(counter.options.parse({}), { modulus: 1000 });
  for (const bad of [{ modulus: '0' }, { modulus: 'ten' }, { modulos: '3' }]) {
    t.notOk(counter.options.safeParse(bad).success, JSON.stringify(bad));
  }
});
