import fc from 'fast-check';
import t from 'tap';
import { bench } from '../src/test-device/index.js';
import { benchRegisters as reg } from '../src/test-device/registers.js';
import { createBench, MEMORY } from './test-device-host.js';

t.test('keeps what is written to SCRATCH and counts the writes', async (t) => {
  const { host, get, set } = await createBench(t);
  t.equal(get(reg.ID), 0x434e_4542);
  for (const value of [1, 0xffff_ffff, 0x1234_5678]) set(reg.SCRATCH, value);
  host.write(0, reg.SCRATCH, 2, 0);
  t.equal(get(reg.SCRATCH), 0x1234_5678);
  t.equal(get(reg.SCRATCH_WRITES), 3, 'narrow writes are ignored');
  t.equal(host.read(0, reg.SCRATCH + 2, 2), 0x1234);
  t.equal(host.read(0, reg.SCRATCH + 1, 1), 0x56);
  t.equal(host.read(0, 0xf00, 4), 0);
});

t.test('a doorbell interrupts at once, by register and by descriptor', async (t) => {
  const { host, device, get, set } = await createBench(t);
  set(reg.DOORBELL_VECTOR, 7);
  set(reg.DOORBELL, 1);
  t.strictSame(host.raised, [7]);
  device.bars?.[0]?.ioEvents?.[0]?.onSignal();
  t.strictSame(host.raised, [7, 7]);
  t.equal(get(reg.DOORBELL_COUNT), 2);
  set(reg.DOORBELL_VECTOR, reg.NO_VECTOR);
  set(reg.DOORBELL, 1);
  t.equal(host.raised.length, 2, 'a vector it does not have is ignored');
});

t.test('INTx stays up until every status bit is acknowledged', async (t) => {
  const { host, get, set } = await createBench(t, 'shared', { interrupts: 'intx' });
  for (const vector of [3, 31]) {
    set(reg.DOORBELL_VECTOR, vector);
    set(reg.DOORBELL, 1);
  }
  t.equal(get(reg.INTERRUPT_STATUS), 0x8000_0008);
  set(reg.INTERRUPT_STATUS, 0x8000_0000);
  t.ok(host.intx);
  set(reg.INTERRUPT_STATUS, 8);
  t.notOk(host.intx);
  t.strictSame(host.raised, []);
});

t.test('reports an error and asks for its release', async (t) => {
  const { host, set } = await createBench(t);
  set(reg.NOTIFY, reg.NOTIFY_ERROR);
  set(reg.NOTIFY, reg.NOTIFY_RELEASE);
  set(reg.NOTIFY, 99);
  t.strictSame(host.events, ['error', 'release']);
});

t.test(
  'reset ends everything, silently, and forgets everything but that it happened',
  async (t) => {
    const { host, get, set, memory, start } = await createBench(t, 'messages');
    memory[0] = 1;
    set(reg.SCRATCH, 1);
    set(reg.DMA_VECTOR, 3);
    set(reg.BURST_COUNT, 1000);
    set(reg.BURST_PERIOD, 1_000_000);
    start(reg.DMA_STORE, { length: 2 ** 20, [reg.DMA_CHUNK]: 4096 });
    set(reg.BURST_COMMAND, reg.BURST_INTERRUPTS);
    await host.until(() => host.messages.underWay > 0, 'a message');

    await host.reset('function-level');
    const events = host.messages.sent;
    await host.until(() => host.messages.underWay === 0, 'the last message');
    t.equal(host.messages.sent, events, 'guest memory is left alone');
    for (const offset of [
      reg.SCRATCH,
      reg.DMA_STATUS,
      reg.DMA_BYTES,
      reg.BURST_STATUS,
      reg.BURST_SENT,
    ]) {
      t.equal(get(offset), 0);
    }
    t.equal(get(reg.DMA_VECTOR), reg.NO_VECTOR);
    t.equal(memory[0], 0);
    t.equal(get(reg.RESETS), 1);
    t.equal(get(reg.LAST_RESET), reg.RESET_FUNCTION_LEVEL);
  },
);

t.test('has BARs of every kind, with a hole between the mappable areas', async (t) => {
  const { device } = await createBench(t);
  const bars = device.bars ?? {};
  t.strictSame(
    Object.entries(bars).map(([index, bar]) => `${index} ${bar?.kind}`),
    ['0 memory32', '1 io', '2 memory64', '4 memory32'],
  );
  t.strictSame(bars[2]?.mappable, [
    { offset: 0, size: MEMORY / 4 },
    { offset: MEMORY / 2, size: MEMORY / 2 },
  ]);
  for (const index of [1, 2, 4] as const) {
    const access = bars[index]?.access;
    if (access === undefined || !('readBlock' in access)) return t.fail(`BAR${index} is no memory`);
    access.writeBlock(3, Uint8Array.of(1, 2, 3, 4, 5));
    const back = new Uint8Array(6);
    access.readBlock(2, back);
    t.same(back, Uint8Array.of(0, 1, 2, 3, 4, 5));
  }
});

t.test('no register write throws, hangs or leaves the device unusable', async (t) => {
  const { get, set, run } = await createBench(t, 'messages');
  const offset = fc.integer({ min: 0, max: 0xff }).map((word) => word * 4);
  const value = fc.oneof(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 0xffff_ffff }));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(offset, value), { maxLength: 20 }), async (writes) => {
      for (const [at, written] of writes) set(at, written);
      set(reg.DMA_COMMAND, reg.DMA_CANCEL);
      set(reg.BURST_COMMAND, reg.BURST_CANCEL);
      await run(reg.DMA_LOAD, { length: 4, [reg.DMA_REPEAT]: 1 });
      return get(reg.DMA_STATUS) === reg.STATUS_DONE;
    }),
  );
});

t.test('takes its options from text', async (t) => {
  t.strictSame(bench.options.parse({ memory: '4m', vectors: '8' }), {
    memory: 2 ** 22,
    vectors: 8,
  });
  t.strictSame(bench.options.parse({}), { memory: 2 ** 20, vectors: 32 });
  for (const bad of [
    { memory: '3M' },
    { memory: '4K' },
    { memory: '1X' },
    { memory: '' },
    { vectors: '0' },
  ]) {
    t.notOk(bench.options.safeParse(bad).success, JSON.stringify(bad));
  }
});
