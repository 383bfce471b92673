import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestHost } from '@vfio-user/core';
import t, { type Test } from 'tap';
import { gpio } from '../src/gpio/index.js';

async function createCard(t: Test, options: Record<string, unknown> = {}) {
  const host = await TestHost.plugIn(gpio, options);
  t.teardown(() => host.close());
  const ports = {
    read: (offset: number, size: number) => host.read(2, offset, size),
    write: (offset: number, size: number, value: number) => host.write(2, offset, size, value),
  };
  return { host, ports };
}

t.test('inputs read as configured', async (t) => {
  const { ports } = await createCard(t, { inputs: 0xa5f0 });
  t.equal(ports.read(1, 1), 0xf0);
  t.equal(ports.read(5, 1), 0xa5);
});

t.test('outputs read back, and their changes are logged in words', async (t) => {
  const { host, ports } = await createCard(t);

  ports.write(0, 1, 0x08);
  ports.write(4, 1, 0x80);
  ports.write(0, 1, 0x09);
  ports.write(0, 1, 0x01);

  t.equal(ports.read(0, 1), 0x01);
  t.equal(ports.read(4, 1), 0x80);
  t.strictSame(host.logged, ['output 3 high', 'output 15 high', 'output 0 high', 'output 3 low']);
});

t.test('an input change holds INTx until it is cleared, once interrupts are enabled', async (t) => {
  const { host, ports } = await createCard(t, { loopback: true });

  ports.write(0, 1, 0x01);
  t.equal(ports.read(1, 1), 0x01, 'the input follows its output');
  t.notOk(host.intx, 'interrupts start disabled');

  ports.read(2, 1);
  t.notOk(host.intx, 'a change before does not count');
  ports.write(4, 1, 0x02);
  t.ok(host.intx);
  t.equal(ports.read(6, 1), 0b110, 'inputs 8-15 changed');
  ports.write(0, 1, 0x00);
  t.equal(ports.read(6, 1), 0b111);

  ports.write(2, 1, 0);
  t.notOk(host.intx, 'disabling releases the line');
  ports.read(2, 1);
  t.ok(host.intx, 'and enabling asserts what is still pending');
  ports.write(1, 1, 0);
  t.notOk(host.intx);
  t.equal(ports.read(6, 1), 0);

  ports.write(2, 1, 0);
  ports.write(0, 1, 0x01);
  t.notOk(host.intx, 'disabled again');
});

t.test('reset turns outputs and interrupts off and leaves the inputs alone', async (t) => {
  const { host, ports } = await createCard(t, { inputs: 0x1234, loopback: true });
  ports.read(2, 1);
  ports.write(0, 1, 0xff);

  await host.reset('device');

  t.equal(ports.read(0, 1), 0);
  t.equal(ports.read(5, 1), 0x12);
  t.equal(ports.read(6, 1), 0);
  t.notOk(host.intx);
});

t.test('filters are kept, and wide accesses reach every port', async (t) => {
  const { ports } = await createCard(t, { inputs: 0xff00 });

  ports.read(3, 1);
  t.equal(ports.read(7, 1), 0xff, 'all active');
  ports.write(3, 1, 0);
  t.equal(ports.read(7, 1), 0, 'all inactive');
  ports.write(7, 1, 0x5a);
  t.equal(ports.read(7, 1), 0x5a);

  ports.write(4, 4, 0x5b00_0077);
  t.equal(ports.read(4, 4), 0x5b00_ff77);
});

t.test('an input toggles by itself', async (t) => {
  const { host, ports } = await createCard(t, { toggle: '9:1' });
  ports.read(2, 1);
  await host.until(() => host.intx, 'an interrupt');
  t.equal(ports.read(6, 1), 0b110);
  await host.until(() => host.logged.length >= 2, 'two lines of the log');
  t.strictSame(host.logged.slice(0, 2), ['input 9 high', 'input 9 low']);
});

t.test('inputs follow a file', async (t) => {
  const file = join(t.testdir({ 'inputs.txt': '0x00ff\n' }), 'inputs.txt');
  const { host, ports } = await createCard(t, { file });
  await host.until(() => ports.read(1, 1) === 0xff, 'the first levels');

  writeFileSync(file, 'gibberish');
  await host.until(
    () => host.logged.some((line) => line.startsWith('expected input levels')),
    'a line of the log',
  );
  t.equal(ports.read(1, 1), 0xff, 'kept as they are');

  writeFileSync(file, '0x8000');
  await host.until(() => ports.read(5, 1) === 0x80, 'the new levels');
  t.equal(ports.read(1, 1), 0);
});

t.test('a file that is not there is reported and changes nothing', async (t) => {
  const { host, ports } = await createCard(t, { inputs: 0x0042, file: join(t.testdir(), 'none') });
  await host.until(
    () => host.logged.some((line) => line.startsWith('cannot read')),
    'a line of the log',
  );
  t.equal(ports.read(1, 1), 0x42);
});

t.test('takes its options from text', async (t) => {
  t.strictSame(gpio.options.parse({ inputs: '0xA5F0', loopback: 'true', toggle: '3:500' }), {
    inputs: 0xa5f0,
    loopback: true,
    toggle: { line: 3, periodMs: 500 },
  });
  for (const bad of [
    { inputs: '0x10000' },
    { inputs: '-1' },
    { loopback: 'perhaps' },
    { toggle: '16:5' },
    { toggle: '3:0' },
    { toggle: '3' },
    { input: '1' },
  ]) {
    t.notOk(gpio.options.safeParse(bad).success, JSON.stringify(bad));
  }
});
