import t from 'tap';
import { type Iova, setIova } from '../../src/address.js';
import type { DeviceMigration } from '../../src/device/device.js';
import { EINVAL, ENOENT } from '../../src/errno.js';
import { DmaSpace } from '../../src/memory/dma-space.js';
import { handleDeviceFeature } from '../../src/migration/device-feature.js';
import { MigrationController } from '../../src/migration/migration-controller.js';
import { takeUnmapBitmap } from '../../src/migration/unmap-bitmap.js';
import {
  FEATURE_GET as GET,
  FEATURE_PROBE as PROBE,
  FEATURE_SET as SET,
} from '../../src/protocol/constants.js';
import { DeviceState, Feature } from '../../src/protocol/enums.js';
import type { DeviceFeature } from '../../src/protocol/messages.js';
import { ATTACHMENT, addMapping, mappingOf, TestGuestMemory, tryWrite } from '../memory/fakes.js';

const PAGE = 4096;
const MAX = 1 << 20;
const NOTHING = new Uint8Array(0);
const REFUSED = { code: 'VFU_REQUEST_REFUSED', errno: EINVAL };

function setUp(device: Partial<DeviceMigration> | undefined = {}, maxDataXferSize = MAX) {
  const dma = new DmaSpace(ATTACHMENT);
  const migratable: DeviceMigration = {
    transition: () => {},
    readData: () => NOTHING,
    writeData: () => {},
    ...device,
  };
  const migration = new MigrationController(migratable, () => {});
  const context = { dma, migration, maxDataXferSize };
  /** Data that starts somewhere in a larger buffer, as it does in a frame. */
  const send = (flags: number, data: Uint8Array, argsz = 8 + data.length) => {
    const frame = new Uint8Array(data.length + 24);
    frame.set(data, 24);
    const answer = handleDeviceFeature({ argsz, flags, data: frame.subarray(24) }, context);
    // The frame is used again as soon as the handler has returned.
    frame.fill(0xee);
    return answer;
  };
  return { dma, migration, context, send };
}

type Field = readonly [value: Iova, bytes: 4 | 8];

function struct(...fields: Field[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [, size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 8) setIova(view, at, value);
    else view.setUint32(at, Number(value), true);
    at += size;
  }
  return bytes;
}

function stateData(state: number): Uint8Array {
  return struct([state, 4], [0, 4]);
}

function startData(pageSize: Iova, ranges = 0): Uint8Array {
  return struct([pageSize, 8], [ranges, 4], [0, 4]);
}

function reportData(iova: Iova, length: Iova, pageSize: Iova): Uint8Array {
  return struct([iova, 8], [length, 8], [pageSize, 8]);
}

/** Logging on, and six mapped pages at 0x10000: four shared, two by messages. */
function logging(maxDataXferSize = MAX) {
  const set = setUp({}, maxDataXferSize);
  addMapping(set.dma, mappingOf(0x10000, 2, new TestGuestMemory(2 * PAGE)));
  addMapping(set.dma, mappingOf(0x12000, 2, new TestGuestMemory(2 * PAGE)));
  addMapping(set.dma, mappingOf(0x14000, 2));
  set.send(Feature.DMA_LOGGING_START | SET, startData(PAGE));
  const report = (iova: Iova, length: Iova, pageSize: Iova = PAGE, argsz = MAX) => {
    const flags = Feature.DMA_LOGGING_REPORT | GET;
    return set.send(flags, reportData(iova, length, pageSize), argsz) as DeviceFeature;
  };
  const dirty = (...range: [Iova, Iova, Iova?]): number => report(...range).data[24] as number;
  const write = (iova: number, length: number): void => {
    tryWrite(set.dma, iova, new Uint8Array(length));
  };
  return { ...set, report, dirty, write };
}

t.test('GET MIGRATION tells what the device can do', async (t) => {
  const flags = Feature.MIGRATION | GET;
  t.strictSame(setUp().send(flags, NOTHING, 16), { argsz: 16, flags, data: struct([1, 8]) });
  t.strictSame(setUp({ preCopy: true }).send(flags, new Uint8Array(8), 100), {
    argsz: 16,
    flags,
    data: struct([5, 8]),
  });
  t.throws(() => setUp().send(flags, NOTHING, 8), REFUSED, 'no room for the reply');
  t.throws(() => setUp().send(flags, NOTHING, 15), REFUSED);
});

t.test('SET MIG_DEVICE_STATE changes the state, GET tells it', async (t) => {
  const { send, migration } = setUp();
  const set = Feature.MIG_DEVICE_STATE | SET;
  const get = Feature.MIG_DEVICE_STATE | GET;
  t.strictSame(await send(set, stateData(DeviceState.STOP_COPY)), {
    argsz: 16,
    flags: set,
    data: stateData(DeviceState.STOP_COPY),
  });
  t.equal(migration.state, DeviceState.STOP_COPY);
  t.strictSame(send(get, NOTHING, 16), {
    argsz: 16,
    flags: get,
    data: stateData(DeviceState.STOP_COPY),
  });
  await t.rejects(async () => send(set, stateData(DeviceState.PRE_COPY)), REFUSED);
  t.throws(() => send(set, stateData(DeviceState.STOP), 8), REFUSED, 'argsz too small');
  t.throws(() => send(set, struct([1, 4]), 16), REFUSED, 'data too short');
  t.equal(migration.state, DeviceState.STOP_COPY);
});

t.test('PROBE answers with the request and does nothing', async (t) => {
  const { send, dma, migration } = setUp();
  const probe = Feature.MIGRATION | PROBE;
  t.strictSame(send(probe, NOTHING, 8), { argsz: 8, flags: probe, data: NOTHING });
  const get = probe | GET;
  t.strictSame(send(get, NOTHING, 100), { argsz: 100, flags: get, data: NOTHING });
  const start = Feature.DMA_LOGGING_START | PROBE | SET;
  t.strictSame(send(start, startData(PAGE)), { argsz: 24, flags: start, data: startData(PAGE) });
  const state = Feature.MIG_DEVICE_STATE | PROBE | GET | SET;
  t.strictSame(send(state, stateData(1)), { argsz: 16, flags: state, data: stateData(1) });
  t.equal(dma.dirtyLog, undefined);
  t.equal(migration.state, DeviceState.RUNNING);
  t.throws(() => send(probe, NOTHING, 2), REFUSED, 'argsz below the request');
});

t.test('operations a feature does not have are refused', async (t) => {
  const { send } = setUp();
  const data = startData(PAGE);
  const wrong = [
    Feature.MIGRATION | SET,
    Feature.MIGRATION | PROBE | GET | SET,
    Feature.MIGRATION,
    Feature.MIG_DEVICE_STATE,
    Feature.MIG_DEVICE_STATE | GET | SET,
    Feature.DMA_LOGGING_START | GET,
    Feature.DMA_LOGGING_STOP | GET,
    Feature.DMA_LOGGING_REPORT | SET,
    Feature.MIGRATION | GET | (1 << 19),
    Feature.MIGRATION + GET + 2 ** 31,
    3 | PROBE,
    0 | PROBE,
    0xffff | GET,
  ];
  for (const flags of wrong) t.throws(() => send(flags, data, 100), REFUSED, flags.toString(16));
});

t.test('a device that cannot migrate still logs its writes', async (t) => {
  const dma = new DmaSpace(ATTACHMENT);
  const migration = new MigrationController(undefined, () => {});
  const context = { dma, migration, maxDataXferSize: MAX };
  const send = (flags: number, data: Uint8Array) =>
    handleDeviceFeature({ argsz: 100, flags, data }, context);
  t.throws(() => send(Feature.MIGRATION | GET, NOTHING), REFUSED);
  t.throws(() => send(Feature.MIGRATION | PROBE, NOTHING), REFUSED);
  t.throws(() => send(Feature.MIG_DEVICE_STATE | SET, stateData(1)), REFUSED);
  send(Feature.DMA_LOGGING_START | SET, startData(PAGE));
  t.ok(dma.dirtyLog);
});

t.test('DMA_LOGGING_START can be repeated with the same page size only', async (t) => {
  const { send, dma } = setUp();
  const flags = Feature.DMA_LOGGING_START | SET;
  const reply = { argsz: 24, flags, data: startData(PAGE) };
  t.strictSame(send(flags, startData(PAGE)), reply);
  const log = dma.dirtyLog;
  t.strictSame(send(flags, startData(PAGE)), reply);
  t.equal(dma.dirtyLog, log, 'what was logged stays');
  for (const other of [PAGE / 2, PAGE * 2]) {
    t.throws(() => send(flags, startData(other)), REFUSED);
  }
  send(Feature.DMA_LOGGING_STOP | SET, startData(PAGE));
  send(flags, startData(PAGE * 2));
  t.equal(dma.dirtyLog?.pageBytes, PAGE * 2);
});

t.test('DMA_LOGGING_START with an impossible page size or cut-off ranges is refused', async (t) => {
  const { send, dma } = setUp();
  const flags = Feature.DMA_LOGGING_START | SET;
  for (const size of [0, 4095, 3, 2 ** 53 - 1, 2n ** 63n + 1n]) {
    t.throws(() => send(flags, startData(size)), REFUSED, `${size}`);
  }
  t.throws(() => send(flags, startData(PAGE).subarray(0, 15)), REFUSED);
  t.throws(() => send(flags, startData(PAGE, 1)), REFUSED);
  t.throws(() => send(flags, startData(PAGE, 0xffff_ffff)), REFUSED);
  t.throws(() => send(flags, startData(PAGE), 23), REFUSED, 'argsz below the request');
  t.equal(dma.dirtyLog, undefined);
  const ranges = struct([PAGE, 8], [1, 4], [0, 4], [0x10000, 8], [PAGE, 8]);
  t.match(send(flags, ranges), { data: ranges });
});

t.test('DMA_LOGGING_STOP ends logging, also where there was none', async (t) => {
  const { send, dma } = setUp();
  const flags = Feature.DMA_LOGGING_STOP | SET;
  t.strictSame(send(flags, NOTHING), { argsz: 8, flags, data: NOTHING });
  send(Feature.DMA_LOGGING_START | SET, startData(PAGE));
  send(flags, startData(PAGE));
  t.equal(dma.dirtyLog, undefined);
});

t.test('DMA_LOGGING_REPORT gives the bits once', async (t) => {
  const { report, write } = logging();
  t.strictSame(report(0x10000, 4 * PAGE, PAGE), {
    argsz: 40,
    flags: Feature.DMA_LOGGING_REPORT | GET,
    data: struct([0x10000, 8], [4 * PAGE, 8], [PAGE, 8], [0, 8]),
  });
  write(0x10000, 1);
  write(0x11fff, 2);
  write(0x10000, 1);
  t.equal(report(0x10000, 4 * PAGE).data[24], 0b111);
  t.equal(report(0x10000, 4 * PAGE).data[24], 0);
});

t.test('DMA_LOGGING_REPORT takes any mapped range', async (t) => {
  const { dirty, write } = logging();
  const all = (): void => write(0x10000, 4 * PAGE);
  all();
  t.equal(dirty(0x11000, PAGE), 0b1, 'a part of a mapping');
  t.equal(dirty(0x10000, 4 * PAGE), 0b1101, 'the rest is still there');
  all();
  t.equal(dirty(0x11000, 2 * PAGE), 0b11, 'parts of two mappings');
  t.equal(dirty(0x14000, 2 * PAGE), 0, 'memory reached by messages is clean');
  t.equal(dirty(0x13000, 3 * PAGE), 0b1, 'shared and message memory');
});

t.test('DMA_LOGGING_REPORT counts in pages of any power of two', async (t) => {
  const { dirty, write } = logging();
  const mark = (): void => write(0x11000, 1);
  mark();
  t.equal(dirty(0x10000, 4 * PAGE, PAGE / 2), 0b1100);
  mark();
  t.equal(dirty(0x10000, 4 * PAGE, PAGE * 2), 0b1);
  mark();
  t.equal(dirty(0x10000, 3 * PAGE, PAGE * 2), 0b1, 'the last bit stands for less');
  mark();
  t.equal(dirty(0x10000, 4 * PAGE, PAGE * 4), 0b1);
});

t.test('DMA_LOGGING_REPORT of memory that is not mapped is ENOENT', async (t) => {
  const { report, dma, dirty, write } = logging();
  const missing = { ...REFUSED, errno: ENOENT };
  t.throws(() => report(0x9000, PAGE), missing);
  t.throws(() => report(0xf000, 2 * PAGE), missing, 'begins before');
  t.throws(() => report(0x10000, 7 * PAGE), missing, 'ends after');
  t.throws(() => report(2n ** 64n - 4096n, 2 * PAGE), missing, 'passes the end of the space');
  write(0x10000, 4 * PAGE);
  dma.remove(dma.exact(0x10000, 2 * PAGE)!);
  t.throws(() => report(0x10000, 2 * PAGE), missing);
  t.throws(() => report(0x11000, 2 * PAGE), missing, 'a hole at its beginning');
  t.equal(dirty(0x12000, 2 * PAGE), 0b11, 'the other mapping keeps its bits');
});

t.test('DMA_LOGGING_REPORT that does not add up is refused', async (t) => {
  const { report, send, write, dirty } = logging(8);
  write(0x10000, 1);
  for (const pageSize of [0, 3, 4097, 8 * PAGE, 2n ** 63n]) {
    t.throws(() => report(0x10000, 4 * PAGE, pageSize), REFUSED, `page size ${pageSize}`);
  }
  t.throws(() => report(0x10000, 0), REFUSED, 'no length');
  t.throws(() => report(0x10800, PAGE), REFUSED, 'not page-aligned');
  t.throws(() => report(0x10000, PAGE + 1), REFUSED);
  t.throws(() => report(0x10000, 4 * PAGE, PAGE, 39), REFUSED, 'argsz one byte short');
  t.throws(() => report(0x10000, 4 * PAGE, 128), REFUSED, 'above max_data_xfer_size');
  t.throws(() => report(0, 2n ** 64n - 4096n, 1, 0xffff_ffff), REFUSED, 'more than memory holds');
  const flags = Feature.DMA_LOGGING_REPORT | GET;
  t.throws(() => send(flags, reportData(0x10000, PAGE, PAGE).subarray(0, 23), MAX), REFUSED);
  t.equal(dirty(0x10000, 4 * PAGE), 0b1, 'a refused report clears nothing');
  send(Feature.DMA_LOGGING_STOP | SET, NOTHING);
  t.throws(() => report(0x10000, PAGE), REFUSED, 'while logging is off');
});

t.test('unmapping can take the dirty bits along', async (t) => {
  const { dma, write } = logging();
  const mapping = dma.exact(0x10000, 2 * PAGE)!;
  const take = (size: Iova, argsz: number, pgsize: Iova = PAGE, max = MAX) => {
    const { address, size: length } = mapping;
    const body = { argsz, flags: 1, address, size: length, bitmap: { pgsize, size } };
    return takeUnmapBitmap(dma, mapping, body, max);
  };
  write(0x11000, 1);
  t.throws(() => take(2n ** 64n - 8n, 64), REFUSED, 'a size near 2^64');
  t.throws(() => take(2 ** 40, 0xffff_ffff), REFUSED);
  t.throws(() => take(8, 47), REFUSED, 'argsz one byte short');
  t.throws(() => take(7, 100), REFUSED, 'no room for the bits');
  t.throws(() => take(16, 100, PAGE, 8), REFUSED, 'above max_data_xfer_size');
  for (const pgsize of [0, 3, 4 * PAGE]) t.throws(() => take(8, 48, pgsize), REFUSED);
  const bare = { argsz: 100, flags: 1, address: mapping.address, size: mapping.size };
  t.throws(() => takeUnmapBitmap(dma, mapping, bare, MAX), REFUSED, 'no bitmap in it');
  t.strictSame([...take(8, 48)], [0b10, 0, 0, 0, 0, 0, 0, 0]);
  write(0x10000, 1);
  t.equal(take(16, 56).length, 16, 'as many bytes as there is room for');
  dma.stopDirtyLog();
  t.throws(() => take(8, 48), REFUSED, 'while logging is off');
});
