import { EventFdReader, EventFdWriter, type FileDescriptor } from '@vfio-user/posix-ffi';
import t from 'tap';
import { openDescriptors, serveTestDevice } from './fixture.js';
import type { RawClient } from './raw-client.js';
import * as request from './requests.js';
import {
  ACTION_MASK,
  ACTION_TRIGGER,
  ACTION_UNMASK,
  DATA_BOOL,
  DATA_EVENTFD,
  DATA_NONE,
} from './requests.js';
import { MSIX_VECTORS } from './test-device.js';
import { EINVAL, ERR, INTX, MSI, MSIX, REQ, DEVICE_SET_IRQS as SET_IRQS } from './wire.js';

const TRIGGER_NONE = ACTION_TRIGGER | DATA_NONE;
const TRIGGER_BOOL = ACTION_TRIGGER | DATA_BOOL;
const TRIGGER_EVENTFD = ACTION_TRIGGER | DATA_EVENTFD;

/** Give the device one eventfd for each vector from `start` on. */
async function assign(
  client: RawClient,
  index: number,
  start: number,
  fds: readonly FileDescriptor[],
): Promise<void> {
  const fields = { index, flags: TRIGGER_EVENTFD, start, count: fds.length };
  await client.call(SET_IRQS, request.setIrqs(fields), { fds });
}

function count(fd: FileDescriptor): number {
  return new EventFdReader(fd).read();
}

t.test('DEVICE_SET_IRQS refuses requests that are cut short', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  const whole = request.setIrqs({ index: MSIX, flags: TRIGGER_NONE, count: 0 });
  t.equal(await client.refusal(SET_IRQS), EINVAL);
  t.equal(await client.refusal(SET_IRQS, whole.subarray(0, 8)), EINVAL);
  t.equal(await client.refusal(SET_IRQS, whole.subarray(0, 19)), EINVAL);
});

t.test('DEVICE_SET_IRQS refuses what makes no sense and closes what came along', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const one = [fixture.eventFd()];
  const before = openDescriptors();
  type Case = readonly [string, request.SetIrqsFields, (readonly FileDescriptor[])?];
  const refused: readonly Case[] = [
    ['argsz below the structure', { index: MSIX, flags: TRIGGER_NONE, count: 1, argsz: 3 }],
    ['no such index', { index: 5, flags: TRIGGER_NONE, count: 1 }],
    ['two actions', { index: MSIX, flags: ACTION_MASK | ACTION_UNMASK | DATA_NONE, count: 1 }],
    ['no action', { index: MSIX, flags: DATA_NONE, count: 1 }],
    ['two kinds of data', { index: MSIX, flags: TRIGGER_NONE | DATA_BOOL, count: 1, bools: [1] }],
    ['no kind of data', { index: MSIX, flags: ACTION_TRIGGER, count: 1 }],
    ['an unknown flag', { index: MSIX, flags: TRIGGER_NONE | 64, count: 1 }],
    ['one beyond the end', { index: MSIX, flags: TRIGGER_NONE, start: 2047, count: 2 }],
    ['a start beyond the end', { index: MSIX, flags: TRIGGER_NONE, start: 2049, count: 1 }],
    ['a sum that overflows', { index: MSIX, flags: TRIGGER_NONE, start: 284, count: 0xffff_ffff }],
    ['MASK of ERR', { index: ERR, flags: ACTION_MASK | DATA_NONE, count: 1 }],
    ['MASK of REQ', { index: REQ, flags: ACTION_MASK | DATA_NONE, count: 1 }],
    ['two of ERR', { index: ERR, flags: TRIGGER_NONE, count: 2 }],
    ['two of REQ', { index: REQ, flags: TRIGGER_NONE, count: 2 }],
    ['count 0 with a start', { index: MSIX, flags: TRIGGER_NONE, start: 1, count: 0 }],
    ['count 0 with MASK', { index: MSIX, flags: ACTION_MASK | DATA_NONE, count: 0 }],
    ['count 0 with DATA_BOOL', { index: MSIX, flags: TRIGGER_BOOL, count: 0 }],
    ['DATA_BOOL with an eventfd', { index: MSIX, flags: TRIGGER_BOOL, count: 1, bools: [1] }, one],
    ['DATA_NONE with an eventfd', { index: MSIX, flags: TRIGGER_NONE, count: 1 }, one],
    ['one eventfd for two', { index: MSIX, flags: TRIGGER_EVENTFD, count: 2 }, one],
    ['an eventfd for MASK', { index: INTX, flags: ACTION_MASK | DATA_EVENTFD, count: 1 }, one],
    ['too few booleans', { index: MSIX, flags: TRIGGER_BOOL, count: 2, bools: [1] }],
    ['too many booleans', { index: MSIX, flags: TRIGGER_BOOL, count: 2, bools: [1, 1, 1] }],
    [
      'memory instead of an eventfd',
      { index: MSIX, flags: TRIGGER_EVENTFD, count: 1 },
      [fixture.memory(4096)],
    ],
  ];
  const open = openDescriptors();
  for (const [title, fields, fds = []] of refused) {
    t.equal(await client.refusal(SET_IRQS, request.setIrqs(fields), { fds }), EINVAL, title);
  }
  t.equal(openDescriptors(), open);
  t.equal(open, before + 1);
});

t.test('every index can be switched off as a whole, whether or not it was on', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  for (const index of [INTX, MSI, MSIX, ERR, REQ]) {
    await client.call(SET_IRQS, request.setIrqs({ index, flags: TRIGGER_NONE, count: 0 }));
  }
});

t.test('eventfds are assigned, exchanged and taken back without a leak', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const [first, second] = [fixture.eventFd(), fixture.eventFd()];
  const before = openDescriptors();
  const one = { index: MSIX, flags: TRIGGER_EVENTFD, start: 8, count: 1 };
  await client.call(SET_IRQS, request.setIrqs(one));
  t.equal(openDescriptors(), before, 'taking back what was never there');
  await assign(client, MSIX, 8, [first]);
  await assign(client, MSIX, 8, [second]);
  t.equal(openDescriptors(), before + 1, 'the first was closed');
  fixture.device.host.interrupts.raise(8);
  t.equal(count(first), 0);
  t.equal(count(second), 1);
  await client.call(SET_IRQS, request.setIrqs(one));
  t.equal(openDescriptors(), before, 'a start other than 0 counts');
  await assign(client, MSIX, 0, [first, second]);
  await client.call(SET_IRQS, request.setIrqs({ index: MSIX, flags: TRIGGER_NONE, count: 0 }));
  t.equal(openDescriptors(), before);
});

t.test(
  'TRIGGER without data signals the vectors named, added to what the eventfd holds',
  async (t) => {
    const fixture = await serveTestDevice(t);
    const client = await fixture.connected();
    const fds = [fixture.eventFd(), fixture.eventFd()];
    for (let i = 0; i < 4; i++) new EventFdWriter(fds[0] as FileDescriptor).signal();
    for (let i = 0; i < 8; i++) new EventFdWriter(fds[1] as FileDescriptor).signal();
    await assign(client, MSIX, 0, fds);
    const second = { index: MSIX, flags: TRIGGER_NONE, start: 1, count: 1 };
    await client.call(SET_IRQS, request.setIrqs(second));
    t.strictSame(fds.map(count), [4, 9]);
  },
);

t.test('TRIGGER with booleans signals the vectors that are true', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const fds = [fixture.eventFd(), fixture.eventFd()];
  await assign(client, MSIX, 0, fds);
  const fields = { index: MSIX, flags: TRIGGER_BOOL, count: 2, bools: [0, 1] };
  await client.call(SET_IRQS, request.setIrqs(fields));
  t.strictSame(fds.map(count), [0, 1]);
});

t.test('TRIGGER of a vector without eventfd succeeds and does nothing', async (t) => {
  const client = await (await serveTestDevice(t)).connected();
  await client.call(SET_IRQS, request.setIrqs({ index: MSIX, flags: TRIGGER_NONE, count: 1 }));
});

t.test(
  'a device raises the vector that is wired up, and ignores those that are not there',
  async (t) => {
    const fixture = await serveTestDevice(t);
    const { interrupts } = fixture.device.host;
    const client = await fixture.connected();
    const fd = fixture.eventFd();
    for (let i = 0; i < 4; i++) new EventFdWriter(fd).signal();
    await assign(client, MSIX, 8, [fd]);
    for (const vector of [8, 7, MSIX_VECTORS, MSIX_VECTORS + 1]) interrupts.raise(vector);
    t.equal(count(fd), 5);
  },
);

t.test('a masked vector is sent when it is unmasked', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const fd = fixture.eventFd();
  await assign(client, MSIX, 0, [fd]);
  const mask = { index: MSIX, flags: ACTION_MASK | DATA_NONE, count: 1 };
  await client.call(SET_IRQS, request.setIrqs(mask));
  fixture.device.host.interrupts.raise(0);
  fixture.device.host.interrupts.raise(0);
  t.equal(count(fd), 0);
  const unmask = { index: MSIX, flags: ACTION_UNMASK | DATA_BOOL, count: 1, bools: [1] };
  await client.call(SET_IRQS, request.setIrqs(unmask));
  t.equal(count(fd), 1);
});

t.test('INTx is told again after each unmask while the line is up', async (t) => {
  const fixture = await serveTestDevice(t);
  const { interrupts } = fixture.device.host;
  const client = await fixture.connected();
  const fd = fixture.eventFd();
  const unmask = request.setIrqs({ index: INTX, flags: ACTION_UNMASK | DATA_NONE, count: 1 });
  await assign(client, INTX, 0, [fd]);
  interrupts.setIntx(true);
  interrupts.setIntx(true);
  t.equal(count(fd), 1, 'masked by itself after the first');
  await client.call(SET_IRQS, unmask);
  t.equal(count(fd), 1, 'the line is still up');
  interrupts.setIntx(false);
  await client.call(SET_IRQS, unmask);
  t.equal(count(fd), 0);
});

t.test('ERR and REQ reach the client', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const fds = [fixture.eventFd(), fixture.eventFd()];
  await assign(client, ERR, 0, fds.slice(0, 1));
  await assign(client, REQ, 0, fds.slice(1));
  fixture.device.host.interrupts.raiseError();
  fixture.device.host.interrupts.requestRelease();
  t.strictSame(fds.map(count), [1, 1]);
});

t.test('vectors come in as many pieces as descriptors fit into a message', async (t) => {
  const fixture = await serveTestDevice(t);
  const client = await fixture.connected();
  const fds = Array.from({ length: 48 }, () => fixture.eventFd());
  const before = openDescriptors();
  for (let start = 0; start < 48; start += 16) {
    await assign(client, MSIX, start, fds.slice(start, start + 16));
  }
  t.equal(openDescriptors(), before + 48);
  for (let vector = 0; vector < 48; vector++) fixture.device.host.interrupts.raise(vector);
  t.ok(fds.map(count).every((value) => value === 1));
  client.close();
  await fixture.idle();
  t.equal(openDescriptors(), before - 2, 'all closed, both ends of the connection too');
});
