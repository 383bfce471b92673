import { crc32 } from 'node:zlib';
import { errno, RemoteError, VfioUserError } from '@vfio-user/core';
import t from 'tap';
import { benchRegisters as reg } from '../src/test-device/registers.js';
import { createBench, FAILED, MEMORY } from './test-device-host.js';

function noise(bytes: Uint8Array): void {
  let state = 1;
  for (let at = 0; at < bytes.length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
}

for (const [how, options] of [
  ['by shared memory', 'shared'],
  ['by messages', 'messages'],
  ['by both in turn', 'both'],
] as const) {
  t.test(`moves memory ${how}`, async (t) => {
    const { host, guest, get, set, memory, run } = await createBench(t, options);
    const length = 100_001;
    noise(guest.subarray(0, length));
    const source = Buffer.from(guest.subarray(0, length));
    set(reg.DMA_VECTOR, 5);
    set(reg.DMA_CHUNK, 4096);

    await run(reg.DMA_COPY_GUEST, { source: 0, destination: 300_000, length });
    t.ok(source.equals(guest.subarray(300_000, 300_000 + length)), 'copied');
    await run(reg.DMA_LOAD, { source: 0, destination: 77, length });
    t.ok(source.equals(memory.subarray(77, 77 + length)), 'loaded');
    await run(reg.DMA_STORE, { source: 77, destination: 500_001, length });
    t.ok(source.equals(guest.subarray(500_001, 500_001 + length)), 'stored');
    await run(reg.DMA_CHECKSUM_GUEST, { source: 0, length, [reg.DMA_REPEAT]: 2 });
    t.equal(get(reg.DMA_CHECKSUM), crc32(source), 'checksum of one pass');
    await run(reg.DMA_FILL_GUEST, {
      destination: 8,
      length: 8195,
      [reg.DMA_PATTERN]: 0x0403_0201,
      [reg.DMA_REPEAT]: 1,
    });
    t.same(
      guest.subarray(8, 8203),
      Uint8Array.from({ length: 8195 }, (_, at) => (at % 4) + 1),
    );
    t.equal(guest[8203], source[8203], 'not a byte more');

    t.equal(get(reg.DMA_STATUS), reg.STATUS_DONE);
    t.equal(get(reg.DMA_ERROR), 0);
    t.equal(get(reg.DMA_OPERATIONS), 5);
    t.equal(get(reg.DMA_BYTES), 5 * length + 8195);
    t.ok(get(reg.DMA_NANOSECONDS) > 0);
    t.strictSame(host.raised, [5, 5, 5, 5, 5]);
  });

  t.test(`number N is written before interrupt N ${how}`, async (t) => {
    const { host, guest, get, set, set64 } = await createBench(t, options);
    set64(reg.BURST_ADDRESS, 4096);
    set(reg.BURST_COUNT, 200);
    set(reg.BURST_VECTOR, 9);
    set(reg.BURST_COMMAND, reg.BURST_SEQUENCE);
    t.equal(get(reg.BURST_STATUS), reg.STATUS_BUSY);
    set(reg.BURST_COMMAND, reg.BURST_SEQUENCE);
    await host.until(() => get(reg.BURST_STATUS) !== reg.STATUS_BUSY, 'the status');

    t.equal(get(reg.BURST_STATUS), reg.STATUS_DONE);
    t.equal(get(reg.BURST_SENT), 200, 'a second start meanwhile is ignored');
    t.ok(host.messages.mostUnderWay <= 64, 'writes under way are bounded');
    t.strictSame(host.events, Array(200).fill(['write 0x1000 4', 'msix 9']).flat());
    t.equal(new DataView(guest.buffer).getUint32(4096, true), 200);
  });

  t.test(`a hostile operation ends in an error ${how}`, async (t) => {
    const { host, get, set, run } = await createBench(t, options);
    set(reg.DMA_VECTOR, 1);
    const cases: [string, number, Parameters<typeof run>[1], number][] = [
      ['unmapped source', reg.DMA_CHECKSUM_GUEST, { source: 2 ** 40, length: 4 }, errno.ENOENT],
      [
        'runs off the end',
        reg.DMA_FILL_GUEST,
        { destination: 2 ** 20 - 4, length: 8 },
        errno.ENOENT,
      ],
      [
        'wraps around',
        reg.DMA_FILL_GUEST,
        { destination: 2n ** 64n - 4n, length: 8 },
        errno.EFAULT,
      ],
      ['endless', reg.DMA_COPY_GUEST, { source: 0, length: 2n ** 64n - 1n }, errno.EOVERFLOW],
      ['longer than any memory', reg.DMA_CHECKSUM_GUEST, { length: 2 ** 50 }, errno.ENOENT],
      ['device memory', reg.DMA_LOAD, { destination: MEMORY - 3, length: 4 }, errno.ERANGE],
      ['device memory', reg.DMA_STORE, { source: 2n ** 63n, length: 4 }, errno.ERANGE],
      ['unknown command', 99, { length: 4 }, errno.EINVAL],
    ];
    for (const [title, command, operation, error] of cases) {
      await run(command, operation);
      t.equal(get(reg.DMA_STATUS), FAILED, title);
      t.equal(get(reg.DMA_ERROR), error, title);
    }
    t.equal(host.raised.length, cases.length, 'the end of a failure is signalled');
    t.equal(get(reg.DMA_OPERATIONS), 0);

    set(reg.BURST_ADDRESS + 4, 0xffff_ffff);
    set(reg.BURST_COUNT, 3);
    set(reg.BURST_COMMAND, reg.BURST_SEQUENCE);
    await host.until(() => get(reg.BURST_STATUS) !== reg.STATUS_BUSY, 'the status');
    t.equal(get(reg.BURST_STATUS), FAILED);
    t.equal(get(reg.BURST_ERROR), errno.ENOENT);
  });
}

t.test('a range past the end of the address space is refused before it is touched', async (t) => {
  const top = 2n ** 64n - 4096n;
  const { host, get, run } = await createBench(t);
  const guest = host.map(top, 4096);
  await run(reg.DMA_FILL_GUEST, {
    destination: top + 4092n,
    length: 8,
    [reg.DMA_PATTERN]: 1,
    [reg.DMA_CHUNK]: 4,
  });
  t.equal(get(reg.DMA_ERROR), errno.EFAULT);
  t.equal(guest[4092], 0);
});

t.test('an operation of no length ends at once, however often repeated', async (t) => {
  const { get, run } = await createBench(t);
  await run(reg.DMA_COPY_GUEST, { length: 0, [reg.DMA_REPEAT]: 0xffff_ffff });
  t.equal(get(reg.DMA_STATUS), reg.STATUS_DONE);
});

t.test('keeps as many messages under way as DMA_DEPTH says', async (t) => {
  const { host, run } = await createBench(t, 'messages');
  await run(reg.DMA_LOAD, { length: 64 * 256, [reg.DMA_CHUNK]: 256, [reg.DMA_DEPTH]: 7 });
  t.equal(host.messages.mostUnderWay, 7);
  await run(reg.DMA_LOAD, { length: 400 * 256, [reg.DMA_DEPTH]: 0xffff_ffff });
  t.equal(host.messages.mostUnderWay, 64, 'bounded');
});

t.test('a client that refuses or leaves ends the operation', async (t) => {
  const { host, get, set, start, run } = await createBench(t, 'messages');
  const failures: [Error, number][] = [
    [new RemoteError('refused', errno.EINVAL), errno.EINVAL],
    [new RemoteError('refused without a reason', 0), errno.EIO],
    [new VfioUserError('VFU_PEER_CLOSED', 'gone'), errno.ENOTCONN],
    [new TypeError('our own mistake'), errno.EIO],
  ];
  for (const [failure, error] of failures) {
    host.messages.failNext(failure);
    await run(reg.DMA_STORE, { length: 2 ** 18, [reg.DMA_CHUNK]: 2 ** 12 });
    t.equal(get(reg.DMA_ERROR), error, failure.message);
  }
  t.strictSame(host.logged, ['a bench operation failed unexpectedly']);

  host.messages.failNext(new RemoteError('refused', errno.EINVAL));
  set(reg.BURST_COUNT, 100);
  set(reg.BURST_COMMAND, reg.BURST_SEQUENCE);
  await host.until(() => get(reg.BURST_STATUS) !== reg.STATUS_BUSY, 'the status');
  t.equal(get(reg.BURST_ERROR), errno.EINVAL);

  start(reg.DMA_STORE, { length: 4 });
  await host.until(() => get(reg.DMA_STATUS) === reg.STATUS_DONE, 'the status');
  t.equal(get(reg.DMA_ERROR), 0, 'the next one works');
});

t.test('a long operation lets others run and can be cancelled', async (t) => {
  const { host, get, set, start } = await createBench(t);
  set(reg.DMA_VECTOR, 2);
  start(reg.DMA_LOAD, { length: 4, [reg.DMA_REPEAT]: 0xffff_ffff });
  const before = get(reg.DMA_BYTES);
  await host.until(() => get(reg.DMA_BYTES) > before, 'the status');
  t.equal(get(reg.DMA_STATUS), reg.STATUS_BUSY);
  start(reg.DMA_FILL_GUEST, { length: 4 });
  t.equal(get(reg.DMA_STATUS), reg.STATUS_BUSY, 'another command meanwhile is ignored');

  set(reg.DMA_COMMAND, reg.DMA_CANCEL);
  t.equal(get(reg.DMA_STATUS), FAILED);
  t.equal(get(reg.DMA_ERROR), errno.ECANCELED);
  t.strictSame(host.raised, [2]);
});

t.test('a burst keeps its period and can be cancelled between two interrupts', async (t) => {
  const { host, get, set } = await createBench(t);
  set(reg.BURST_COUNT, 3);
  set(reg.BURST_PERIOD, 2000);
  const startedAt = performance.now();
  set(reg.BURST_COMMAND, reg.BURST_INTERRUPTS);
  await host.until(() => get(reg.BURST_STATUS) === reg.STATUS_DONE, 'the status');
  t.ok(performance.now() - startedAt >= 3, 'the third one came after two periods');
  t.strictSame(host.events, ['msix 0', 'msix 0', 'msix 0']);

  set(reg.BURST_PERIOD, 0xffff_ffff);
  set(reg.BURST_COMMAND, reg.BURST_INTERRUPTS);
  await host.until(() => get(reg.BURST_SENT) === 1, 'the status');
  set(reg.BURST_COMMAND, reg.BURST_CANCEL);
  t.equal(get(reg.BURST_STATUS), FAILED);
  t.equal(get(reg.BURST_ERROR), errno.ECANCELED);
});
