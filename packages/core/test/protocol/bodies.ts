import fc from 'fast-check';
import { type Iova, normalizeIova } from '../../src/address.js';
import { Command, type CommandNumber } from '../../src/protocol/enums.js';
import type { ReplyBodies, RequestBodies } from '../../src/protocol/messages.js';

/** Arbitrary bodies of every classic message, within what the specification lets a sender say. */

/** Plain objects, as the codecs make: fast-check would also give some without a prototype. */
const record = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(fields, { noNullPrototype: true });

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const size = fc.maxSafeNat();
const iova: fc.Arbitrary<Iova> = u64.map(normalizeIova);
const argsz = (minimum: number) => fc.integer({ min: minimum, max: 0xffff_ffff });
const flagsWithout = (flag: number) => u32.map((flags) => (flags & ~flag) >>> 0);
const flagsWith = (flag: number) => u32.map((flags) => (flags | flag) >>> 0);
const nothing = fc.constant(undefined);

/** Now and then above the limit for data that is copied. */
const data = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 4090, max: 5000 }).map((n) => new Uint8Array(n).fill(n)),
  },
);
const withCount = <T>(rest: fc.Arbitrary<T>, bytes: fc.Arbitrary<Uint8Array> = data) =>
  fc.tuple(rest, bytes).map(([body, data]) => ({ ...body, count: data.length, data }));

const text = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ' '));
const version = fc.oneof(
  record({ major: u16, minor: u16 }),
  record({ major: u16, minor: u16, capabilities: text }),
);

const plainUnmap = record({
  argsz: argsz(24),
  flags: flagsWithout(1),
  address: iova,
  size: iova,
});
const bitmapUnmap = record({
  argsz: argsz(40),
  flags: flagsWith(1),
  address: iova,
  size: iova,
  bitmap: record({ pgsize: iova, size: iova }),
});
const unmapWithBits = fc
  .tuple(bitmapUnmap, fc.uint8Array({ minLength: 1, maxLength: 64 }))
  .map(([body, bits]) => ({ ...body, bitmap: { ...body.bitmap, size: bits.length }, bits }));

const infoFields = { argsz: u32, flags: flagsWithout(8), index: u32, size: iova, offset: iova };
const areas = fc.array(record({ offset: size, size }), { maxLength: 5 });

const ioFdsHead = { argsz: argsz(16), flags: u32, index: u32, count: u32 };
const ioFd = record({
  offset: size,
  size,
  fdIndex: u32,
  type: u32,
  flags: u32,
  datamatch: u64,
});
const ioFds = fc
  .record({ flags: u32, index: u32, entries: fc.array(ioFd, { maxLength: 5 }) })
  .map((body) => ({
    ...body,
    argsz: 16 + 40 * body.entries.length,
    count: body.entries.length,
  }));

const irqsHead = { argsz: argsz(20), index: u32, start: u32 };
const boolIrqs = fc
  .tuple(record({ ...irqsHead, flags: flagsWith(2) }), fc.uint8Array({ maxLength: 20 }))
  .map(([body, bools]) => ({ ...body, count: bools.length, bools }));

const access = record({ offset: size, region: u32, count: u32 });
const regionData = withCount(record({ offset: size, region: u32 }));
const dmaAccess = record({ address: iova, count: size });
const dmaData = withCount(record({ address: iova }));
const singleWrite = withCount(
  record({ offset: size, region: u32 }),
  fc.uint8Array({ maxLength: 8 }),
);
const feature = record({ argsz: argsz(8), flags: u32, data });
const migrationData = fc
  .record({ argsz: argsz(8), data })
  .map((body) => ({ ...body, size: body.data.length }));

export const requestBodies: { [C in CommandNumber]: fc.Arbitrary<RequestBodies[C]> } = {
  [Command.VERSION]: version,
  [Command.DMA_MAP]: record({
    argsz: argsz(32),
    flags: u32,
    offset: u64,
    address: iova,
    size: iova,
  }),
  [Command.DMA_UNMAP]: fc.oneof(plainUnmap, bitmapUnmap),
  [Command.DEVICE_GET_INFO]: record({ argsz: argsz(16) }),
  [Command.DEVICE_GET_REGION_INFO]: record({ argsz: argsz(32), index: u32 }),
  [Command.DEVICE_GET_REGION_IO_FDS]: record(ioFdsHead),
  [Command.DEVICE_GET_IRQ_INFO]: record({ argsz: argsz(16), index: u32 }),
  [Command.DEVICE_SET_IRQS]: fc.oneof(
    record({ ...irqsHead, flags: flagsWithout(2), count: u32 }),
    boolIrqs,
  ),
  [Command.REGION_READ]: access,
  [Command.REGION_WRITE]: regionData,
  [Command.DMA_READ]: dmaAccess,
  [Command.DMA_WRITE]: dmaData,
  [Command.DEVICE_RESET]: nothing,
  [Command.REGION_WRITE_MULTI]: record({ writes: fc.array(singleWrite, { maxLength: 200 }) }),
  [Command.DEVICE_FEATURE]: feature,
  [Command.MIG_DATA_READ]: u32
    .map((n) => Math.min(n, 0xffff_fff7))
    .chain((size) => record({ argsz: argsz(8 + size), size: fc.constant(size) })),
  [Command.MIG_DATA_WRITE]: migrationData,
};

export const replyBodies: { [C in CommandNumber]: fc.Arbitrary<ReplyBodies[C]> } = {
  [Command.VERSION]: version,
  [Command.DMA_MAP]: nothing,
  [Command.DMA_UNMAP]: fc.oneof(plainUnmap, bitmapUnmap, unmapWithBits),
  [Command.DEVICE_GET_INFO]: record({ argsz: u32, flags: u32, numRegions: u32, numIrqs: u32 }),
  [Command.DEVICE_GET_REGION_INFO]: fc.oneof(
    record(infoFields),
    record({ ...infoFields, sparse: areas }),
  ),
  [Command.DEVICE_GET_REGION_IO_FDS]: fc.oneof(
    ioFds,
    record({ ...ioFdsHead, entries: fc.constant([]) }),
  ),
  [Command.DEVICE_GET_IRQ_INFO]: record({ argsz: u32, flags: u32, index: u32, count: u32 }),
  [Command.DEVICE_SET_IRQS]: nothing,
  [Command.REGION_READ]: fc.oneof(regionData, nothing),
  [Command.REGION_WRITE]: fc.oneof(access, nothing),
  [Command.DMA_READ]: dmaData,
  [Command.DMA_WRITE]: fc.oneof(dmaAccess, nothing),
  [Command.DEVICE_RESET]: nothing,
  [Command.REGION_WRITE_MULTI]: record({ count: size }),
  [Command.DEVICE_FEATURE]: feature,
  [Command.MIG_DATA_READ]: migrationData,
  [Command.MIG_DATA_WRITE]: nothing,
};
