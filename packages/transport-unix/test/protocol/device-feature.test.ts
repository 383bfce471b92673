import t from 'tap';
import { serveTestDevice } from './fixture.js';
import {
  DMA_LOGGING_REPORT,
  DMA_LOGGING_START,
  DMA_LOGGING_STOP,
  deviceFeature,
  FEATURE_GET,
  FEATURE_PROBE,
  FEATURE_SET,
  MIG_DEVICE_STATE,
  MIGRATION,
} from './requests.js';
import { EINVAL, DEVICE_FEATURE as FEATURE, struct, u32, u64 } from './wire.js';

const NOTHING = Buffer.alloc(0);
const migration = { device: { migration: true } };

t.test('GET MIGRATION tells how the device can be migrated', async (t) => {
  const client = await (await serveTestDevice(t, migration)).connected();
  const reply = await client.call(FEATURE, deviceFeature(FEATURE_GET | MIGRATION, NOTHING, 16));
  t.strictSame(reply, struct(u32(16), u32(FEATURE_GET | MIGRATION), u64(1 | 4)));
});

t.test('GET needs room for its reply', async (t) => {
  const client = await (await serveTestDevice(t, migration)).connected();
  for (const feature of [MIGRATION, MIG_DEVICE_STATE]) {
    for (const argsz of [8, 15]) {
      const payload = deviceFeature(FEATURE_GET | feature, NOTHING, argsz);
      t.equal(await client.refusal(FEATURE, payload), EINVAL);
    }
  }
});

t.test('requests that are cut short are refused', async (t) => {
  const client = await (await serveTestDevice(t, migration)).connected();
  const probe = deviceFeature(FEATURE_PROBE | MIGRATION, NOTHING);
  t.equal(await client.refusal(FEATURE, probe.subarray(0, 7)), EINVAL);
  const tooSmall = deviceFeature(FEATURE_PROBE | MIGRATION, NOTHING, 2);
  t.equal(await client.refusal(FEATURE, tooSmall), EINVAL);
  const state = struct(u32(1), u32(0));
  const noRoom = deviceFeature(FEATURE_SET | MIG_DEVICE_STATE, state, 8);
  t.equal(await client.refusal(FEATURE, noRoom), EINVAL);
  const noData = deviceFeature(FEATURE_SET | MIG_DEVICE_STATE, u32(1), 16);
  t.equal(await client.refusal(FEATURE, noData), EINVAL);
});

t.test('PROBE answers with the request, and nothing happens', async (t) => {
  const fixture = await serveTestDevice(t, migration);
  const client = await fixture.connected();
  for (const flags of [
    MIGRATION,
    MIGRATION | FEATURE_GET,
    MIG_DEVICE_STATE,
    MIG_DEVICE_STATE | FEATURE_GET | FEATURE_SET,
    DMA_LOGGING_START | FEATURE_SET,
    DMA_LOGGING_STOP | FEATURE_SET,
    DMA_LOGGING_REPORT | FEATURE_GET,
  ]) {
    const probe = deviceFeature(FEATURE_PROBE | flags, NOTHING);
    t.strictSame(await client.call(FEATURE, probe), probe);
  }
  t.strictSame(fixture.device.takeCalls(), []);
});

t.test('operations that a feature does not have are refused, also by PROBE', async (t) => {
  const client = await (await serveTestDevice(t, migration)).connected();
  for (const flags of [
    MIGRATION | FEATURE_SET,
    MIGRATION | FEATURE_PROBE | FEATURE_GET | FEATURE_SET,
    DMA_LOGGING_START | FEATURE_GET,
    DMA_LOGGING_STOP | FEATURE_PROBE | FEATURE_GET,
    DMA_LOGGING_REPORT | FEATURE_SET,
    MIGRATION,
    MIG_DEVICE_STATE | FEATURE_GET | FEATURE_SET,
    MIGRATION | FEATURE_GET | (1 << 19),
    FEATURE_PROBE | 3,
    FEATURE_PROBE | 0xffff,
  ]) {
    const payload = deviceFeature(flags, Buffer.alloc(8), 64);
    t.equal(await client.refusal(FEATURE, payload), EINVAL, `flags 0x${flags.toString(16)}`);
  }
});

t.test('a device that cannot be migrated has logging only', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  for (const flags of [
    MIGRATION | FEATURE_GET,
    MIGRATION | FEATURE_PROBE,
    MIG_DEVICE_STATE | FEATURE_GET,
  ]) {
    t.equal(await client.refusal(FEATURE, deviceFeature(flags, NOTHING, 16)), EINVAL);
  }
  const probe = deviceFeature(FEATURE_PROBE | DMA_LOGGING_START, NOTHING);
  t.strictSame(await client.call(FEATURE, probe), probe);
});
