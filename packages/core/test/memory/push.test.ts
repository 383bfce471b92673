import fc from 'fast-check';
import t from 'tap';
import { PushSource } from '../../src/device-end/push-source.js';
import { DmaSpace } from '../../src/memory/dma-space.js';
import { DmaMapping } from '../../src/memory/mapping.js';
import { PushCache } from '../../src/memory/push-cache.js';
import { PushRuleTable } from '../../src/memory/push-rule-table.js';
import type { PushRule, RegionData } from '../../src/protocol/messages.js';
import { ATTACHMENT, addMapping } from './fakes.js';

const RING = {
  region: 0,
  offset: 0x1008,
  size: 4,
  address: 0x4000,
  entryBytes: 64,
  entries: 8,
} as const;

/** Guest memory of 64 KiB at 0, shared (the client's view of it) or reached by messages. */
function space(bytes: Uint8Array | undefined, readable = true): DmaSpace {
  const dma = new DmaSpace(ATTACHMENT);
  const memory = bytes && {
    length: bytes.length,
    view: (at: number, length: number) => bytes.subarray(at, at + length),
    read: (at: number, target: Uint8Array) => target.set(bytes.subarray(at, at + target.length)),
    write: (at: number, source: Uint8Array) => bytes.set(source, at),
    close() {},
  };
  const rights = { readable, writable: true, fileOffset: 0n };
  addMapping(dma, new DmaMapping({ address: 0, size: 0x10000, ...rights, memory }));
  return dma;
}

function rule(tail: number): PushRule {
  const { region, offset, size, ...ring } = RING;
  return { id: 1, region, offset, size, ring: { ...ring, tail } };
}

function doorbell(value: number, offset: number = RING.offset): RegionData {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, value, true);
  return { region: 0, offset, count: 4, data };
}

t.test('a doorbell takes the entries along that it announces', async (t) => {
  const guest = new Uint8Array(0x10000);
  const source = new PushSource(space(guest));
  source.replace({ rules: [rule(6)] });
  for (let entry = 0; entry < 8; entry++)
    guest.fill(entry + 1, 0x4000 + entry * 64, 0x4040 + entry * 64);

  const wrapping = source.accompany(doorbell(1), 4096).pushed ?? [];
  t.strictSame(
    wrapping.map(({ address, data }) => [address, data.length, data[0], data.at(-1)]),
    [
      [0x4000 + 6 * 64, 128, 7, 8],
      [0x4000, 64, 1, 1],
    ],
    'up to the end of the ring, then from its start',
  );
  t.equal(source.accompany(doorbell(1), 4096).pushed, undefined, 'nothing is sent twice');
  t.equal(
    source.accompany(doorbell(8), 4096).pushed,
    undefined,
    'a wrong index takes nothing along',
  );
  t.equal(
    source.accompany(doorbell(3, 0x1000), 4096).pushed,
    undefined,
    'nor does another register',
  );
  t.equal(
    source.accompany(doorbell(4), 128).pushed?.[0]?.data.length,
    128,
    'whole entries, up to the limit',
  );

  source.replace({ rules: [{ ...rule(0) }] });
  t.equal(
    source.accompany(doorbell(5), 4096).pushed?.[0]?.address,
    0x4000 + 4 * 64,
    'a known rule goes on',
  );
  source.clear();
  t.equal(
    source.accompany(doorbell(6), 4096).pushed,
    undefined,
    'without rules nothing goes along',
  );
});

t.test('memory that the device may not read is not pushed', async (t) => {
  for (const dma of [
    space(new Uint8Array(0x10000), false),
    space(undefined),
    new DmaSpace(ATTACHMENT),
  ]) {
    const source = new PushSource(dma);
    source.replace({ rules: [rule(0)] });
    t.equal(source.accompany(doorbell(2), 4096).pushed, undefined);
  }
});

/** Whether a read is done at once, with what was pushed. */
function taken(dma: DmaSpace, iova: number, target: Uint8Array): boolean {
  const reading = dma.range(iova, target.length, 'read').read(target);
  reading?.catch(() => undefined);
  return reading === undefined;
}

t.test('what was pushed is read once, and nothing that was not asked for is kept', async (t) => {
  const dma = space(undefined);
  const rules = new PushRuleTable(dma.pushed);
  const target = new Uint8Array(64);
  const entry = (value: number) => new Uint8Array(64).fill(value);

  rules.take([{ address: 0x4000, data: entry(1) }]);
  t.notOk(taken(dma, 0x4000, target), 'before the device asks');

  const told: number[] = [];
  rules.connect((sent) => told.push(sent.length));
  const remove = rules.add(RING);
  rules.add({ ...RING, offset: 0x1010, address: 0x8000 });
  await Promise.resolve();
  t.strictSame(told, [2], 'the client is told once for both');

  rules.take([
    { address: 0x4000, data: entry(1) },
    { address: 0x4040, data: entry(2) },
    { address: 0x41f0, data: entry(3) },
  ]);
  const both = new Uint8Array(128);
  t.ok(taken(dma, 0x4000, both), 'pieces that touch are one');
  t.strictSame([both[0], both[127]], [1, 2]);
  t.notOk(taken(dma, 0x4000, target), 'a second time');
  t.notOk(taken(dma, 0x41f0, target), 'beyond the ring');

  rules.take([{ address: 0x4000, data: entry(4) }]);
  rules.take([{ address: 0x4000, data: entry(5) }]);
  t.ok(taken(dma, 0x4000, target));
  t.equal(target[0], 5, 'the newest counts');

  rules.take([{ address: 0x4000, data: entry(6) }]);
  await dma.write(0x4010, new Uint8Array(4)).catch(() => undefined);
  t.notOk(taken(dma, 0x4000, target), 'the device wrote over a part of it');

  rules.take([{ address: 0x4000, data: entry(7) }]);
  remove();
  t.notOk(taken(dma, 0x4000, target), 'the ring is gone');
  rules.add(RING);
  t.notOk(taken(dma, 0x4000, target), 'and a new one at its place begins empty');

  rules.take([{ address: 0x4000, data: entry(8) }]);
  dma.removeAll();
  t.throws(() => taken(dma, 0x4000, target), { message: /did not map/ }, 'unmapped');
});

t.test('pushed memory reads as the newest bytes of any puts, or not at all', async () => {
  const step = fc.record({
    start: fc.nat(200),
    length: fc.integer({ min: 1, max: 40 }),
    kind: fc.constantFrom('put', 'take', 'drop'),
  });
  let seed = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pushed = new PushCache();
      const model = new Map<number, number>();
      for (const { start, length, kind } of steps) {
        const range = Array.from({ length }, (_, i) => start + i);
        if (kind === 'put') {
          const data = Uint8Array.from(range, () => seed++ & 0xff);
          pushed.put(start, data);
          for (const [i, at] of range.entries()) model.set(at, data[i] as number);
        } else if (kind === 'drop') {
          pushed.drop(start, length);
          for (const at of range) model.delete(at);
        } else {
          const target = new Uint8Array(length);
          if (!pushed.take(start, target)) continue;
          if (!range.every((at, i) => model.get(at) === target[i])) return false;
          for (const at of range) model.delete(at);
        }
      }
      return true;
    }),
  );
});
