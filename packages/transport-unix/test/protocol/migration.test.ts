import { RequestRefusedError } from '@vfio-user/core';
import t, { type Test } from 'tap';
import { CAPABILITIES, type Fixture, serveTestDevice } from './fixture.js';
import { Gate, until } from './gate.js';
import type { RawClient } from './raw-client.js';
import * as request from './requests.js';
import {
  deviceFeature,
  FEATURE_GET,
  FEATURE_SET,
  MIG_DEVICE_STATE,
  migDataRead,
  migDataWrite,
} from './requests.js';
import * as wire from './wire.js';
import { DEVICE_FEATURE, EINVAL, MIG_DATA_READ, MIG_DATA_WRITE, struct, u32 } from './wire.js';

const ERROR = 0;
const STOP = 1;
const RUNNING = 2;
const STOP_COPY = 3;
const RESUMING = 4;
const RUNNING_P2P = 5;
const PRE_COPY = 6;
const PRE_COPY_P2P = 7;
const STATES = [STOP, RUNNING, STOP_COPY, RESUMING, PRE_COPY];

/** The shortest legal ways, one digit for each state after the first. */
const PATHS: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  [STOP]: { [STOP]: '', [RUNNING]: '2', [STOP_COPY]: '3', [RESUMING]: '4', [PRE_COPY]: '26' },
  [RUNNING]: { [STOP]: '1', [RUNNING]: '', [STOP_COPY]: '13', [RESUMING]: '14', [PRE_COPY]: '6' },
  [STOP_COPY]: { [STOP]: '1', [RUNNING]: '12', [STOP_COPY]: '', [RESUMING]: '14' },
  [RESUMING]: {
    [STOP]: '1',
    [RUNNING]: '12',
    [STOP_COPY]: '13',
    [RESUMING]: '',
    [PRE_COPY]: '126',
  },
  [PRE_COPY]: { [STOP]: '21', [RUNNING]: '2', [STOP_COPY]: '3', [RESUMING]: '214', [PRE_COPY]: '' },
};

function setState(state: number): Buffer {
  return deviceFeature(FEATURE_SET | MIG_DEVICE_STATE, struct(u32(state), u32(0)));
}

async function stateOf(client: RawClient): Promise<number> {
  const get = deviceFeature(FEATURE_GET | MIG_DEVICE_STATE, Buffer.alloc(0), 16);
  return (await client.call(DEVICE_FEATURE, get)).readUInt32LE(8);
}

async function migratable(
  t: Test,
  json = CAPABILITIES,
): Promise<{ fixture: Fixture; client: RawClient }> {
  const fixture = await serveTestDevice(t, { device: { migration: true } });
  return { fixture, client: await fixture.connected(json) };
}

t.test('every state is reached by the shortest way that saves only at its ends', async (t) => {
  const { fixture, client } = await migratable(t);
  for (const from of STATES) {
    for (const to of STATES) {
      await client.call(DEVICE_FEATURE, setState(RUNNING));
      await client.call(DEVICE_FEATURE, setState(from));
      fixture.device.takeCalls();
      const path = PATHS[from]?.[to];
      if (path === undefined) {
        t.equal(await client.refusal(DEVICE_FEATURE, setState(to)), EINVAL, `${from} to ${to}`);
        t.equal(await stateOf(client), from);
        continue;
      }
      const reply = await client.call(DEVICE_FEATURE, setState(to));
      t.strictSame(reply, setState(to));
      const steps = [...path].map((step, i) => `transition ${path[i - 1] ?? from} ${step}`);
      const calls = fixture.device.takeCalls();
      t.strictSame(
        calls,
        steps.flatMap((step) => ['quiesce', step]),
        `${from} to ${to}`,
      );
      t.equal(await stateOf(client), to);
    }
  }
});

t.test('states that cannot be asked for are refused, from everywhere', async (t) => {
  const { client } = await migratable(t);
  for (const from of STATES) {
    await client.call(DEVICE_FEATURE, setState(RUNNING));
    await client.call(DEVICE_FEATURE, setState(from));
    for (const to of [ERROR, RUNNING_P2P, PRE_COPY_P2P, 8, 0xabcd, 0xffff_ffff]) {
      t.equal(await client.refusal(DEVICE_FEATURE, setState(to)), EINVAL);
    }
    t.equal(await stateOf(client), from);
  }
});

t.test('the errno of a device that refuses a step reaches the client as it is', async (t) => {
  const { fixture, client } = await migratable(t);
  fixture.device.onTransition = () => {
    throw new RequestRefusedError(0xbeef, 'no');
  };
  t.equal(await client.refusal(DEVICE_FEATURE, setState(STOP)), 0xbeef);
  t.equal(await stateOf(client), RUNNING);
});

t.test('a device that fails in a step is in the error state until it is reset', async (t) => {
  const { fixture, client } = await migratable(t);
  fixture.device.onTransition = () => Promise.reject(new Error('a bug of the device'));
  t.equal(await client.refusal(DEVICE_FEATURE, setState(STOP)), wire.EIO);
  t.equal(await stateOf(client), ERROR);
  t.equal(await client.refusal(DEVICE_FEATURE, setState(RUNNING)), EINVAL);
  await client.call(wire.DEVICE_RESET);
  t.equal(await stateOf(client), RUNNING);
});

t.test('saved state is read while saving, and only then', async (t) => {
  const { fixture, client } = await migratable(t);
  for (const state of [STOP, RUNNING, RESUMING]) {
    await client.call(DEVICE_FEATURE, setState(state));
    t.equal(await client.refusal(MIG_DATA_READ, migDataRead(4)), EINVAL);
  }
  for (const state of [PRE_COPY, STOP_COPY]) {
    await client.call(DEVICE_FEATURE, setState(RUNNING));
    await client.call(DEVICE_FEATURE, setState(state));
    fixture.device.savedState = Buffer.from('datum');
    const first = await client.call(MIG_DATA_READ, migDataRead(4));
    t.strictSame(first, struct(u32(12), u32(4), Buffer.from('datu')));
    const last = await client.call(MIG_DATA_READ, migDataRead(4));
    t.strictSame(last, struct(u32(9), u32(1), Buffer.from('m')), 'no more than there is');
    const end = await client.call(MIG_DATA_READ, migDataRead(4));
    t.strictSame(end, struct(u32(8), u32(0)));
  }
});

t.test('saved state is written while resuming, and only then', async (t) => {
  const { fixture, client } = await migratable(t);
  for (const state of [STOP, RUNNING, PRE_COPY, STOP_COPY]) {
    await client.call(DEVICE_FEATURE, setState(RUNNING));
    await client.call(DEVICE_FEATURE, setState(state));
    t.equal(await client.refusal(MIG_DATA_WRITE, migDataWrite(Buffer.from('x'))), EINVAL);
  }
  await client.call(DEVICE_FEATURE, setState(RESUMING));
  const reply = await client.call(MIG_DATA_WRITE, migDataWrite(Buffer.from('data')));
  t.equal(reply.length, 0);
  await client.call(MIG_DATA_WRITE, migDataWrite(Buffer.from('more')));
  t.equal(fixture.device.resumedState.toString(), 'datamore');
});

t.test('saved state moves in pieces that the client takes', async (t) => {
  const { client } = await migratable(t, '{"capabilities":{"max_data_xfer_size":4}}');
  await client.call(DEVICE_FEATURE, setState(STOP_COPY));
  await client.call(MIG_DATA_READ, migDataRead(4));
  t.equal(await client.refusal(MIG_DATA_READ, migDataRead(5)), EINVAL);
  await client.call(DEVICE_FEATURE, setState(RESUMING));
  await client.call(MIG_DATA_WRITE, migDataWrite(Buffer.alloc(4)));
  t.equal(await client.refusal(MIG_DATA_WRITE, migDataWrite(Buffer.alloc(5))), EINVAL);
});

t.test('requests for saved state that do not add up are refused', async (t) => {
  const { fixture, client } = await migratable(t);
  await client.call(DEVICE_FEATURE, setState(STOP_COPY));
  for (const payload of [
    migDataRead(4).subarray(0, 7),
    migDataRead(4, 11),
    migDataRead(0xffff_ffff, 0xffff_ffff),
    migDataRead(2 * wire.MIB),
  ]) {
    t.equal(await client.refusal(MIG_DATA_READ, payload), EINVAL);
  }
  await client.call(DEVICE_FEATURE, setState(RESUMING));
  for (const payload of [
    migDataWrite(Buffer.alloc(4)).subarray(0, 7),
    migDataWrite(Buffer.alloc(0), 4),
    migDataWrite(Buffer.alloc(3), 4),
    migDataWrite(Buffer.alloc(4), 4, 11),
  ]) {
    t.equal(await client.refusal(MIG_DATA_WRITE, payload), EINVAL);
  }
  t.equal(fixture.device.resumedState.length, 0);
});

t.test('the errno of a device that cannot save or resume reaches the client', async (t) => {
  const { fixture, client } = await migratable(t);
  fixture.device.onMigrationData = () => {
    throw new RequestRefusedError(wire.ENOTTY, 'no');
  };
  await client.call(DEVICE_FEATURE, setState(STOP_COPY));
  t.equal(await client.refusal(MIG_DATA_READ, migDataRead(4)), wire.ENOTTY);
  await client.call(DEVICE_FEATURE, setState(RESUMING));
  t.equal(await client.refusal(MIG_DATA_WRITE, migDataWrite(Buffer.alloc(4))), wire.ENOTTY);
});

t.test('a device that stands still answers registers and features, nothing else', async (t) => {
  const { client } = await migratable(t);
  const page = { address: 0, size: wire.PAGE };
  for (const state of [STOP, STOP_COPY]) {
    await client.call(DEVICE_FEATURE, setState(state));
    await client.call(wire.REGION_READ, request.regionRead(0, 0, 4));
    await client.call(wire.REGION_WRITE, request.regionWrite(0, 0, Buffer.alloc(4)));
    t.equal(await stateOf(client), state);
    for (const [command, payload] of [
      [wire.DMA_MAP, request.dmaMap(page)],
      [wire.DMA_UNMAP, request.dmaUnmap(page)],
      [wire.DEVICE_GET_INFO, request.deviceInfo()],
      [wire.DEVICE_GET_REGION_INFO, request.regionInfo(0)],
      [wire.DEVICE_GET_REGION_IO_FDS, request.regionIoFds(0)],
      [wire.DEVICE_GET_IRQ_INFO, request.irqInfo(0)],
      [wire.DEVICE_SET_IRQS, request.setIrqs({ index: 0, flags: 33, count: 0 })],
      [wire.DEVICE_RESET, Buffer.alloc(0)],
    ] as const) {
      t.equal(await client.refusal(command, payload), EINVAL, `command ${command}`);
    }
  }
});

t.test('the next client finds the device running', async (t) => {
  const { fixture, client } = await migratable(t);
  await client.call(DEVICE_FEATURE, setState(STOP_COPY));
  client.close();
  t.equal(await stateOf(await fixture.connected()), RUNNING);
});

t.test('a client that leaves during a step leaves the device running, reset once', async (t) => {
  const { fixture, client } = await migratable(t);
  const gate = new Gate();
  fixture.device.onTransition = () => gate.passed;
  await client.send(wire.frame(DEVICE_FEATURE, setState(STOP_COPY), { id: 1 }));
  const calls: string[] = [];
  const seen = (call: string): Promise<void> =>
    until(() => calls.push(...fixture.device.takeCalls()) > 0 && calls.includes(call), call);
  await seen('transition 2 1');
  client.close();
  await seen('reset connection-lost');
  gate.open();
  t.equal(await stateOf(await fixture.connected()), RUNNING);
  calls.push(...fixture.device.takeCalls());
  t.strictSame(calls, ['quiesce', 'transition 2 1', 'quiesce', 'reset connection-lost']);
});
