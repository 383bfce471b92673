import { EventFdWriter } from '@vfio-user/posix-ffi';
import t from 'tap';
import { openDescriptors, serveTestDevice } from './fixture.js';
import { until } from './gate.js';
import type { RawClient } from './raw-client.js';
import * as request from './requests.js';
import {
  EVENTS_BAR,
  IO_EVENTS,
  MISSING_REGION,
  PLAIN_BAR,
  SPARSE_BAR,
  WRITE_ONLY_BAR,
} from './test-device.js';
import { EINVAL, DEVICE_GET_REGION_IO_FDS as GET_IO_FDS, MIB } from './wire.js';

const HEAD = 16;
const ENTRY = 40;
const ALL = HEAD + ENTRY * IO_EVENTS;

function ask(client: RawClient, index: number, argsz: number): ReturnType<RawClient['request']> {
  return client.request(GET_IO_FDS, request.regionIoFds(index, { argsz }));
}

t.test('DEVICE_GET_REGION_IO_FDS refuses what makes no sense', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const refused: readonly (readonly [title: string, payload: Buffer])[] = [
    ['flags', request.regionIoFds(EVENTS_BAR, { flags: 1 })],
    ['a count', request.regionIoFds(EVENTS_BAR, { count: 1 })],
    ['an argsz below the structure', request.regionIoFds(EVENTS_BAR, { argsz: 15 })],
    ['an argsz above the largest transfer', request.regionIoFds(EVENTS_BAR, { argsz: MIB + 1 })],
    ['a short payload', request.regionIoFds(EVENTS_BAR).subarray(0, 15)],
    ['a region that is not there', request.regionIoFds(MISSING_REGION)],
    ['an index out of range', request.regionIoFds(512)],
  ];
  for (const [title, payload] of refused) {
    t.equal(await client.refusal(GET_IO_FDS, payload), EINVAL, title);
  }
});

t.test('a region without events has none', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  for (const index of [PLAIN_BAR, SPARSE_BAR, WRITE_ONLY_BAR]) {
    const { payload, fds } = await ask(client, index, MIB);
    t.equal(payload.length, HEAD);
    t.equal(payload.readUInt32LE(0), HEAD, 'argsz');
    t.equal(payload.readUInt32LE(8), index, 'index');
    t.equal(payload.readUInt32LE(12), 0, 'count');
    t.equal(fds.length, 0);
  }
});

t.test('without room the reply says how much is needed, and no descriptor comes', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  for (const argsz of [HEAD, HEAD + ENTRY, ALL - 1]) {
    const { payload, fds } = await ask(client, EVENTS_BAR, argsz);
    t.equal(payload.length, HEAD);
    t.equal(payload.readUInt32LE(0), ALL, 'argsz');
    t.equal(payload.readUInt32LE(12), IO_EVENTS, 'count');
    t.equal(fds.length, 0);
  }
});

t.test('with room each event is described in 40 bytes, as the specification has it', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  for (const argsz of [ALL, HEAD + 10 * ENTRY]) {
    const { payload, fds } = await ask(client, EVENTS_BAR, argsz);
    t.equal(payload.length, ALL);
    t.equal(payload.readUInt32LE(0), ALL, 'argsz');
    t.equal(payload.readUInt32LE(12), IO_EVENTS, 'count');
    t.equal(fds.length, IO_EVENTS);
    const indexes = new Set<number>();
    for (let i = 0; i < IO_EVENTS; i++) {
      const entry = payload.subarray(HEAD + ENTRY * i, HEAD + ENTRY * (i + 1));
      t.equal(entry.readBigUInt64LE(0), BigInt(8 * i), 'offset');
      t.equal(entry.readBigUInt64LE(8), 8n, 'size');
      indexes.add(entry.readUInt32LE(16));
      t.equal(entry.readUInt32LE(20), 0, 'type: ioeventfd');
      t.equal(entry.readUInt32LE(24), 0, 'flags');
      t.equal(entry.readUInt32LE(28), 0, 'padding');
      t.equal(entry.readBigUInt64LE(32), i === 0 ? 0x1_0000_0002n : 0n, 'datamatch');
    }
    t.strictSame([...indexes].sort(), [0, 1, 2, 3, 4, 5], 'every descriptor is named once');
  }
});

t.test('signalling a descriptor reaches the device', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const { payload, fds } = await ask(client, EVENTS_BAR, ALL);
  for (const event of [0, 3, 5]) {
    const fd = fds[payload.readUInt32LE(HEAD + ENTRY * event + 16)];
    if (fd === undefined) throw new Error('no descriptor');
    new EventFdWriter(fd).signal();
    const seen: string[] = [];
    await until(() => {
      seen.push(...fixture.device.takeCalls());
      return seen.length > 0;
    }, 'the device sees the event');
    t.strictSame(seen, [`signal ${event}`]);
  }
});

t.test('a client that takes fewer descriptors at a time is refused', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected('{"capabilities":{"max_msg_fds":5}}');
  const payload = request.regionIoFds(EVENTS_BAR, { argsz: ALL });
  t.equal(await client.refusal(GET_IO_FDS, payload), EINVAL);
});

t.test('the descriptors are gone when the client is', async (t) => {
  const fixture = await serveTestDevice(t);
  const before = openDescriptors();
  for (let i = 0; i < 3; i++) {
    const client = await fixture.connected();
    await ask(client, EVENTS_BAR, ALL);
    await ask(client, EVENTS_BAR, ALL);
    client.close();
    await fixture.idle();
  }
  t.equal(openDescriptors(), before);
});
