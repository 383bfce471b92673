import {
  Command,
  constants,
  type DeviceClient,
  ExtensionCommand,
  errno,
  Irq,
  RequestRefusedError,
} from '@vfio-user/core';
import type { Peer, RequestMessage } from '@vfio-user/core/internal';
import { benchRegisters as register } from '@vfio-user/devices';
import t from 'tap';
import { Counts } from '../../src/compliance/session/interrupts.js';
import { Waiter } from '../../src/compliance/waiter.js';
import { BridgeFixture, eventually, PORTABLE, turns, VECTORS } from './bridge-fixture.js';
import { refusal } from './scripted-device.js';

const {
  IRQ_SET_ACTION_MASK,
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_ACTION_UNMASK,
  IRQ_SET_DATA_BOOL,
  IRQ_SET_DATA_EVENTFD,
  IRQ_SET_DATA_NONE,
} = constants;

const ASSIGN = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;

function setIrqs(client: DeviceClient, flags: number, index: number, start: number, count: number) {
  const body = { argsz: 20, flags, index, start, count };
  return client.call(Command.DEVICE_SET_IRQS, body, () => undefined);
}

const mask = (client: DeviceClient, index: number, vector: number) =>
  setIrqs(client, IRQ_SET_DATA_NONE | IRQ_SET_ACTION_MASK, index, vector, 1);
const unmask = (client: DeviceClient, index: number, vector: number) =>
  setIrqs(client, IRQ_SET_DATA_NONE | IRQ_SET_ACTION_UNMASK, index, vector, 1);

function signal(peer: Peer, index: number, vector: number): void {
  peer.post(ExtensionCommand.INTERRUPT, { index, vector, count: 1 });
}

/** Wires up vectors: the request that a device answers to as a test says. */
function isAssign(
  request: RequestMessage,
): request is Extract<RequestMessage, { command: typeof Command.DEVICE_SET_IRQS }> {
  return request.command === Command.DEVICE_SET_IRQS && request.body.flags === ASSIGN;
}

for (const near of [undefined, PORTABLE] as const) {
  t.test(`interrupts around the answer to SET_IRQS arrive (${near ?? 'native'})`, async (t) => {
    const fixture = await BridgeFixture.open(t, near && { near });
    await fixture.script((request, peer) => {
      if (!isAssign(request)) return false;
      const { index, start, count } = request.body;
      for (let i = 0; i < count; i++) signal(peer, index, start + i);
      peer.reply(request.command, request.id, undefined);
      for (let i = 0; i < count; i++) signal(peer, index, start + i);
      return true;
    });
    const driver = await fixture.drive();
    // A second time, with notifiers that take over from others.
    for (const index of [Irq.MSIX, Irq.INTX, Irq.MSIX]) {
      const counts = await Counts.enable(driver, index, 1);
      await counts.until(() => counts.of[0] === 2, 'the one before and the one behind');
    }
  });
}

t.test('when the device refuses new vectors, interrupts go on to the old ones', async (t) => {
  for (const far of [undefined, ''] as const) {
    const fixture = await BridgeFixture.open(t, far === undefined ? {} : { far });
    let refusing = false;
    const device = await fixture.script((request, peer) => {
      if (!refusing || !isAssign(request)) return false;
      if (far === undefined) signal(peer, request.body.index, request.body.start);
      const { command, id, noReply } = request;
      peer.replyError(command, id, noReply, new RequestRefusedError(errno.EBUSY, 'not now'));
      return true;
    });
    const client = await fixture.connect();
    const waiter = new Waiter();
    const seen: string[] = [];
    const see = (name: string) => (vector: number) => {
      seen.push(`${name} ${vector}`);
      waiter.changed();
    };
    await client.enableInterrupts(Irq.MSIX, 1, see('first'));
    const { openHandles } = fixture.transport;
    refusing = true;
    t.equal(await refusal(client.enableInterrupts(Irq.MSIX, 1, see('second'))), errno.EBUSY);
    await eventually(() => fixture.transport.openHandles === openHandles);
    if (far !== undefined) continue;
    await waiter.until(() => seen.length === 1, 'the one before the refusal');
    seen.length = 0;
    signal(device.peer, Irq.MSIX, 0);
    await waiter.until(() => seen.length === 1, 'one behind the refusal');
    t.same(seen, ['first 0']);
  }
});

t.test('a request that no device could carry out is refused, and changes nothing', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const device = await fixture.script();
  const client = await fixture.connect();
  const wrong = [
    [IRQ_SET_DATA_NONE, Irq.MSIX, 0, 1],
    [ASSIGN | IRQ_SET_DATA_NONE, Irq.MSIX, 0, 1],
    [IRQ_SET_DATA_NONE | IRQ_SET_ACTION_MASK, Irq.ERR, 0, 1],
    [IRQ_SET_DATA_BOOL | IRQ_SET_ACTION_MASK, Irq.MSIX, 0, 2],
    [IRQ_SET_DATA_NONE | IRQ_SET_ACTION_MASK, Irq.MSIX, 2048, 1],
    [IRQ_SET_DATA_NONE | IRQ_SET_ACTION_MASK, 5, 0, 1],
  ] as const;
  for (const [flags, index, start, count] of wrong) {
    t.equal(await refusal(setIrqs(client, flags, index, start, count)), errno.EINVAL);
  }
  t.same(device.bodies(Command.DEVICE_SET_IRQS), []);
});

t.test('what was masked before the device was lost stays masked when it is back', async (t) => {
  for (const far of [undefined, ''] as const) {
    const fixture = await BridgeFixture.open(t, far === undefined ? {} : { far });
    const first = await fixture.serveBench();
    const driver = await fixture.drive();
    const { client } = driver;
    const vectors = await Counts.enable(driver, Irq.MSIX, VECTORS);
    await mask(client, Irq.MSIX, 2);
    await mask(client, Irq.MSIX, 3);
    await first.close();
    await unmask(client, Irq.MSIX, 3);
    await fixture.serveBench();
    await eventually(async () => (await driver.read32(register.ID)) === register.ID_VALUE);
    for (const vector of [2, 3, 4]) await driver.ring(vector);
    await vectors.until(() => vectors.of[4] === 1, 'a vector that was not masked');
    await driver.read32(register.ID);
    await turns();
    t.same([vectors.of[2], vectors.of[3]], [0, 1], 'only what is masked does not fire');
    await unmask(client, Irq.MSIX, 2);
    await vectors.until(() => vectors.of[2] === 1, 'what was pending');
  }
});

t.test('a masked line stays masked when the device is back', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const first = await fixture.serveBench();
  const driver = await fixture.drive();
  const { client } = driver;
  const line = await Counts.enable(driver, Irq.INTX, 1);
  const errors = await Counts.enable(driver, Irq.ERR, 1);
  await mask(client, Irq.INTX, 0);
  await first.close();
  await fixture.serveBench();
  await eventually(async () => (await driver.read32(register.ID)) === register.ID_VALUE);
  await driver.ring(0);
  await driver.write32(register.NOTIFY, register.NOTIFY_ERROR);
  await errors.until(() => errors.of[0] === 1, 'a later notification');
  t.equal(line.of[0], 0, 'masked');
  await client.unmaskInterrupt(Irq.INTX);
  await line.until(() => line.of[0] === 1, 'the level that is still high');
});

t.test('a line that is high when the device is back is not seen while it is masked', async (t) => {
  const fixture = await BridgeFixture.open(t);
  const first = await fixture.script();
  const driver = await fixture.drive();
  const line = await Counts.enable(driver, Irq.INTX, 1);
  await mask(driver.client, Irq.INTX, 0);
  await first.vanish();
  const second = await fixture.script((request, peer) => {
    if (isAssign(request)) signal(peer, Irq.INTX, 0);
    return false;
  });
  await eventually(async () => (await driver.client.regionRead(0, 0, 1))[0] === 0);
  await turns();
  t.equal(line.of[0], 0);
  signal(second.peer, Irq.INTX, 0);
  await line.until(() => line.of[0] === 1, 'what comes when it is settled');
});
