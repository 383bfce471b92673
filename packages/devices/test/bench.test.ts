import { crc32 } from 'node:zlib';
import { errno, RemoteError, VfioUserError } from '@vfio-user/core';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { bench } from '../src/bench/index.js';
import * as reg from '../src/bench/registers.js';
import { FakeHost, type FakeHostOptions, registersOf, until } from './fake-host.js';

const MEMORY = 2 ** 20;
const FAILED = reg.STATUS_DONE | reg.STATUS_FAILED;

/** The device with its driver's view of it. */
async function createBench(t: Test, options: FakeHostOptions = {}) {
  const host = new FakeHost(options);
  const device = await bench.create(host, { memory: MEMORY, vectors: 32 });
  t.teardown(() => device.close?.());
  const { read, write } = registersOf(device, 0);
  const registers = registersOf(device, 0);
  const get = (offset: number): number => read.call(registers, offset, 4);
  const set = (offset: number, value: number): void => write.call(registers, offset, 4, value);
  const set64 = (offset: number, value: number | bigint): void => {
    set(offset, Number(BigInt(value) & 0xffff_ffffn));
    set(offset + 4, Number(BigInt(value) >> 32n));
  };
  const memory = device.bars?.[2]?.memory?.bytes as Uint8Array;

  interface Operation {
    readonly source?: number | bigint;
    readonly destination?: number | bigint;
    readonly length: number | bigint;
    readonly [register: number]: number;
  }
  function start(
    command: number,
    { source = 0, destination = 0, length, ...rest }: Operation,
  ): void {
    set64(reg.DMA_SOURCE, source);
    set64(reg.DMA_DESTINATION, destination);
    set64(reg.DMA_LENGTH, length);
    for (const [register, value] of Object.entries(rest)) set(Number(register), Number(value));
    set(reg.DMA_COMMAND, command);
  }
  async function run(command: number, operation: Operation): Promise<void> {
    start(command, operation);
    await until(() => get(reg.DMA_STATUS) !== reg.STATUS_BUSY);
  }
  return { host, device, registers, get, set, set64, memory, start, run };
}

function noise(bytes: Uint8Array): void {
  let state = 1;
  for (let at = 0; at < bytes.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
}

t.test('keeps what is written to SCRATCH and counts the writes', async (t) => {
  const { get, set, registers } = await createBench(t);
  t.equal(get(reg.ID), 0x434e_4542);
  for (const value of [1, 0xffff_ffff, 0x1234_5678]) set(reg.SCRATCH, value);
  registers.write(reg.SCRATCH, 2, 0);
  t.equal(get(reg.SCRATCH), 0x1234_5678);
  t.equal(get(reg.SCRATCH_WRITES), 3, 'narrow writes are ignored');
  t.equal(registers.read(reg.SCRATCH + 2, 2), 0x1234);
  t.equal(registers.read(reg.SCRATCH + 1, 1), 0x56);
  t.equal(registers.read(0xf00, 4), 0);
});

t.test('a doorbell interrupts at once, by register and by descriptor', async (t) => {
  const { host, device, get, set } = await createBench(t);
  set(reg.DOORBELL_VECTOR, 7);
  set(reg.DOORBELL, 1);
  t.strictSame(host.interrupts.raised, [7]);
  device.bars?.[0]?.ioEvents?.[0]?.onSignal();
  t.strictSame(host.interrupts.raised, [7, 7]);
  t.equal(get(reg.DOORBELL_COUNT), 2);
  set(reg.DOORBELL_VECTOR, reg.NO_VECTOR);
  set(reg.DOORBELL, 1);
  t.equal(host.interrupts.raised.length, 2, 'a vector it does not have is ignored');
});

t.test('INTx stays up until every status bit is acknowledged', async (t) => {
  const { host, get, set } = await createBench(t, { interruptMode: 'intx' });
  for (const vector of [3, 31]) {
    set(reg.DOORBELL_VECTOR, vector);
    set(reg.DOORBELL, 1);
  }
  t.equal(get(reg.INTERRUPT_STATUS), 0x8000_0008);
  set(reg.INTERRUPT_STATUS, 0x8000_0000);
  t.ok(host.interrupts.intx);
  set(reg.INTERRUPT_STATUS, 8);
  t.notOk(host.interrupts.intx);
  t.strictSame(host.interrupts.raised, []);
});

t.test('reports an error and asks for its release', async (t) => {
  const { host, set } = await createBench(t);
  set(reg.NOTIFY, reg.NOTIFY_ERROR);
  set(reg.NOTIFY, reg.NOTIFY_RELEASE);
  set(reg.NOTIFY, 99);
  t.equal(host.interrupts.errors, 1);
  t.equal(host.interrupts.releases, 1);
});

for (const messagesOnly of [false, true]) {
  const how = messagesOnly ? 'by messages' : 'by shared memory';

  t.test(`moves memory ${how}`, async (t) => {
    const { host, get, set, memory, run } = await createBench(t, { messagesOnly });
    const length = 100_001;
    noise(host.guest.subarray(0, length));
    const source = Buffer.from(host.guest.subarray(0, length));
    set(reg.DMA_VECTOR, 5);
    set(reg.DMA_CHUNK, 4096);

    await run(reg.DMA_COPY_GUEST, { source: 0, destination: 300_000, length });
    t.ok(source.equals(host.guest.subarray(300_000, 300_000 + length)), 'copied');
    await run(reg.DMA_LOAD, { source: 0, destination: 77, length });
    t.ok(source.equals(memory.subarray(77, 77 + length)), 'loaded');
    await run(reg.DMA_STORE, { source: 77, destination: 500_001, length });
    t.ok(source.equals(host.guest.subarray(500_001, 500_001 + length)), 'stored');
    await run(reg.DMA_CHECKSUM_GUEST, { source: 0, length, [reg.DMA_REPEAT]: 2 });
    t.equal(get(reg.DMA_CHECKSUM), crc32(source), 'checksum of one pass');
    await run(reg.DMA_FILL_GUEST, {
      destination: 8,
      length: 8195,
      [reg.DMA_PATTERN]: 0x0403_0201,
      [reg.DMA_REPEAT]: 1,
    });
    t.same(
      host.guest.subarray(8, 8203),
      Uint8Array.from({ length: 8195 }, (_, at) => (at % 4) + 1),
    );
    t.equal(host.guest[8203], source[8203], 'not a byte more');

    t.equal(get(reg.DMA_STATUS), reg.STATUS_DONE);
    t.equal(get(reg.DMA_ERROR), 0);
    t.equal(get(reg.DMA_OPERATIONS), 5);
    t.equal(get(reg.DMA_BYTES), 5 * length + 8195);
    t.ok(get(reg.DMA_NANOSECONDS) > 0);
    t.strictSame(host.interrupts.raised, [5, 5, 5, 5, 5]);
  });

  t.test(`number N is written before interrupt N ${how}`, async (t) => {
    const { host, get, set, set64 } = await createBench(t, { messagesOnly });
    set64(reg.BURST_ADDRESS, 4096);
    set(reg.BURST_COUNT, 200);
    set(reg.BURST_VECTOR, 9);
    set(reg.BURST_COMMAND, reg.BURST_SEQUENCE);
    t.equal(get(reg.BURST_STATUS), reg.STATUS_BUSY);
    set(reg.BURST_COMMAND, reg.BURST_SEQUENCE);
    await until(() => get(reg.BURST_STATUS) !== reg.STATUS_BUSY);

    t.equal(get(reg.BURST_STATUS), reg.STATUS_DONE);
    t.equal(get(reg.BURST_SENT), 200, 'a second start meanwhile is ignored');
    t.strictSame(host.events, Array(200).fill(['write 4096 4', 'raise 9']).flat());
    t.equal(new DataView(host.guest.buffer).getUint32(4096, true), 200);
  });

  t.test(`a hostile operation ends in an error ${how}`, async (t) => {
    const { host, get, set, run } = await createBench(t, { messagesOnly });
    set(reg.DMA_VECTOR, 1);
    const cases: [string, number, Parameters<typeof run>[1], number][] = [
      ['unmapped source', reg.DMA_CHECKSUM_GUEST, { source: 2 ** 40, length: 4 }, errno.EFAULT],
      [
        'runs off the end',
        reg.DMA_FILL_GUEST,
        { destination: 2 ** 20 - 4, length: 8 },
        errno.EFAULT,
      ],
      [
        'wraps around',
        reg.DMA_FILL_GUEST,
        { destination: 2n ** 64n - 4n, length: 8 },
        errno.EFAULT,
      ],
      ['endless', reg.DMA_COPY_GUEST, { source: 0, length: 2n ** 64n - 1n }, errno.EOVERFLOW],
      ['longer than any memory', reg.DMA_CHECKSUM_GUEST, { length: 2 ** 50 }, errno.EFAULT],
      ['device memory', reg.DMA_LOAD, { destination: MEMORY - 3, length: 4 }, errno.ERANGE],
      ['device memory', reg.DMA_STORE, { source: 2n ** 63n, length: 4 }, errno.ERANGE],
      ['unknown command', 99, { length: 4 }, errno.EINVAL],
    ];
    for (const [title, command, operation, error] of cases) {
      await run(command, operation);
      t.equal(get(reg.DMA_STATUS), FAILED, title);
      t.equal(get(reg.DMA_ERROR), error, title);
    }
    t.equal(host.interrupts.raised.length, cases.length, 'the end of a failure is signalled');
    t.equal(get(reg.DMA_OPERATIONS), 0);

    set(reg.BURST_ADDRESS + 4, 0xffff_ffff);
    set(reg.BURST_COUNT, 3);
    set(reg.BURST_COMMAND, reg.BURST_SEQUENCE);
    await until(() => get(reg.BURST_STATUS) !== reg.STATUS_BUSY);
    t.equal(get(reg.BURST_STATUS), FAILED);
    t.equal(get(reg.BURST_ERROR), errno.EFAULT);
  });
}

t.test('an operation of no length ends at once, however often repeated', async (t) => {
  const { get, run } = await createBench(t);
  await run(reg.DMA_COPY_GUEST, { length: 0, [reg.DMA_REPEAT]: 0xffff_ffff });
  t.equal(get(reg.DMA_STATUS), reg.STATUS_DONE);
});

t.test('keeps as many messages under way as DMA_DEPTH says', async (t) => {
  const { host, run } = await createBench(t, { messagesOnly: true });
  await run(reg.DMA_LOAD, { length: 64 * 256, [reg.DMA_CHUNK]: 256, [reg.DMA_DEPTH]: 7 });
  t.equal(host.dma.mostUnderWay, 7);
  await run(reg.DMA_LOAD, { length: 400 * 256, [reg.DMA_DEPTH]: 0xffff_ffff });
  t.equal(host.dma.mostUnderWay, 64, 'bounded');
});

t.test('a client that refuses or leaves ends the operation', async (t) => {
  const { host, get, start, run } = await createBench(t, { messagesOnly: true });
  const failures: [Error, number][] = [
    [new RemoteError('refused', errno.EINVAL), errno.EINVAL],
    [new RemoteError('refused without a reason', 0), errno.EIO],
    [new VfioUserError('VFU_PEER_CLOSED', 'gone'), errno.ENOTCONN],
    [new TypeError('our own mistake'), errno.EIO],
  ];
  for (const [failure, error] of failures) {
    host.dma.failNext(failure);
    await run(reg.DMA_STORE, { length: 2 ** 18, [reg.DMA_CHUNK]: 2 ** 12 });
    t.equal(get(reg.DMA_ERROR), error, failure.message);
  }
  t.strictSame(host.logged, ['a bench operation failed unexpectedly']);
  start(reg.DMA_STORE, { length: 4 });
  await until(() => get(reg.DMA_STATUS) === reg.STATUS_DONE);
  t.equal(get(reg.DMA_ERROR), 0, 'the next one works');
});

t.test('a long operation lets others run and can be cancelled', async (t) => {
  const { host, get, set, start } = await createBench(t);
  set(reg.DMA_VECTOR, 2);
  start(reg.DMA_LOAD, { length: 4, [reg.DMA_REPEAT]: 0xffff_ffff });
  const before = get(reg.DMA_BYTES);
  await until(() => get(reg.DMA_BYTES) > before);
  t.equal(get(reg.DMA_STATUS), reg.STATUS_BUSY);
  start(reg.DMA_FILL_GUEST, { length: 4 });
  t.equal(get(reg.DMA_STATUS), reg.STATUS_BUSY, 'another command meanwhile is ignored');

  set(reg.DMA_COMMAND, reg.DMA_CANCEL);
  t.equal(get(reg.DMA_STATUS), FAILED);
  t.equal(get(reg.DMA_ERROR), errno.ECANCELED);
  t.strictSame(host.interrupts.raised, [2]);
});

t.test('a burst keeps its period and can be cancelled between two interrupts', async (t) => {
  const { host, get, set } = await createBench(t);
  set(reg.BURST_COUNT, 3);
  set(reg.BURST_PERIOD, 2000);
  const startedAt = performance.now();
  set(reg.BURST_COMMAND, reg.BURST_INTERRUPTS);
  await until(() => get(reg.BURST_STATUS) === reg.STATUS_DONE);
  t.ok(performance.now() - startedAt >= 3, 'the third one came after two periods');
  t.strictSame(host.events, ['raise 0', 'raise 0', 'raise 0']);

  set(reg.BURST_PERIOD, 0xffff_ffff);
  set(reg.BURST_COMMAND, reg.BURST_INTERRUPTS);
  await until(() => get(reg.BURST_SENT) === 1);
  set(reg.BURST_COMMAND, reg.BURST_CANCEL);
  t.equal(get(reg.BURST_STATUS), FAILED);
  t.equal(get(reg.BURST_ERROR), errno.ECANCELED);
});

t.test(
  'reset ends everything, silently, and forgets everything but that it happened',
  async (t) => {
    const { host, device, get, set, memory, start } = await createBench(t, { messagesOnly: true });
    memory[0] = 1;
    set(reg.SCRATCH, 1);
    set(reg.DMA_VECTOR, 3);
    set(reg.BURST_COUNT, 1000);
    set(reg.BURST_PERIOD, 1_000_000);
    start(reg.DMA_STORE, { length: 2 ** 20, [reg.DMA_CHUNK]: 4096 });
    set(reg.BURST_COMMAND, reg.BURST_INTERRUPTS);
    await until(() => host.dma.underWay > 0);

    await device.reset('function-level');
    const events = host.events.length;
    await until(() => host.dma.underWay === 0);
    t.equal(host.events.length, events, 'guest memory is left alone');
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
  const { get, set, run } = await createBench(t, { messagesOnly: true });
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
