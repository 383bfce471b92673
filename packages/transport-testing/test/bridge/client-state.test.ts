import {
  Command,
  constants,
  type DeviceClient,
  ExtensionCommand,
  Feature,
  Irq,
} from '@vfio-user/core';
import type { ClientState } from '@vfio-user/core/internal';
import t from 'tap';
import { BridgeFixture, eventually, PORTABLE } from './bridge-fixture.js';
import type { ScriptedDevice } from './scripted-device.js';

const {
  FEATURE_SET,
  IRQ_SET_ACTION_MASK,
  IRQ_SET_ACTION_TRIGGER,
  IRQ_SET_ACTION_UNMASK,
  IRQ_SET_DATA_EVENTFD,
  IRQ_SET_DATA_NONE,
} = constants;

const BASE = 0x1000_0000;
const PAGE = 4096;
const READ = 1;
const WRITE = 2;
const ASSIGN = IRQ_SET_DATA_EVENTFD | IRQ_SET_ACTION_TRIGGER;
const DISABLE = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_TRIGGER;
const MASK = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_MASK;
const UNMASK = IRQ_SET_DATA_NONE | IRQ_SET_ACTION_UNMASK;

/** What a client does to one kind of state, and what a device is told of it when it is back. */
interface Case {
  readonly command: number;
  set(client: DeviceClient, device: ScriptedDevice): Promise<unknown>;
  readonly told: readonly object[];
}

const setIrqs = (
  client: DeviceClient,
  flags: number,
  index: number,
  start: number,
  count: number,
) =>
  client.call(
    Command.DEVICE_SET_IRQS,
    { argsz: 20, flags, index, start, count, events: flags === ASSIGN ? count : undefined },
    () => undefined,
  );
const takeBack = (client: DeviceClient, index: number, start: number, count: number) =>
  client.call(
    Command.DEVICE_SET_IRQS,
    { argsz: 20, flags: ASSIGN, index, start, count, events: 0 },
    () => undefined,
  );

/** One for each kind of state: a kind that is added without a case does not compile. */
const cases: Readonly<Record<keyof ClientState, Case>> = {
  mappings: {
    command: Command.DMA_MAP,
    async set(client) {
      const memory = client.allocateMemory(4 * PAGE);
      const range = { memory, length: PAGE };
      await client.dmaMap({ ...range, address: BASE });
      await client.dmaMap({ ...range, address: BASE + PAGE, writable: false });
      await client.dmaMap({ ...range, address: BASE + 2 * PAGE, offset: PAGE, readable: false });
      await client.dmaMap({ ...range, address: BASE + 3 * PAGE });
      await client.dmaUnmap(BASE + 3 * PAGE, PAGE);
    },
    told: [
      { address: BASE, size: PAGE, flags: READ | WRITE, offset: 0 },
      { address: BASE + PAGE, size: PAGE, flags: READ, offset: 0 },
      { address: BASE + 2 * PAGE, size: PAGE, flags: WRITE, offset: 0 },
    ],
  },
  // transport-rdma/test/memory.test.ts has a device that writes memory by itself.
  dirtyPageLog: {
    command: Command.DEVICE_FEATURE,
    async set(client) {
      const data = new Uint8Array(16);
      new DataView(data.buffer).setUint32(0, PAGE, true);
      const flags = FEATURE_SET | Feature.DMA_LOGGING_START;
      await client.call(Command.DEVICE_FEATURE, { argsz: 24, flags, data }, () => undefined);
    },
    told: [],
  },
  interrupts: {
    command: Command.DEVICE_SET_IRQS,
    async set(client) {
      await setIrqs(client, ASSIGN, Irq.MSIX, 0, 4);
      await takeBack(client, Irq.MSIX, 3, 1);
      await setIrqs(client, MASK, Irq.MSIX, 1, 2);
      await setIrqs(client, UNMASK, Irq.MSIX, 2, 1);
      // Masked, and wired to nobody.
      await setIrqs(client, MASK, Irq.MSIX, 7, 1);
      await setIrqs(client, DISABLE, Irq.MSIX, 0, 1);
      await setIrqs(client, ASSIGN, Irq.INTX, 0, 1);
      await setIrqs(client, MASK, Irq.INTX, 0, 1);
      await setIrqs(client, ASSIGN, Irq.MSI, 0, 2);
      await setIrqs(client, MASK, Irq.MSI, 0, 1);
      await setIrqs(client, DISABLE, Irq.MSI, 0, 0);
      await setIrqs(client, ASSIGN, Irq.ERR, 0, 1);
      await setIrqs(client, ASSIGN, Irq.REQ, 0, 1);
      await takeBack(client, Irq.REQ, 0, 1);
    },
    told: [
      { flags: ASSIGN, index: Irq.MSIX, start: 0, count: 1, events: 1 },
      { flags: MASK, index: Irq.MSIX, start: 1, count: 1 },
      { flags: ASSIGN, index: Irq.MSIX, start: 1, count: 1, events: 1 },
      { flags: ASSIGN, index: Irq.MSIX, start: 2, count: 1, events: 1 },
      { flags: MASK, index: Irq.MSIX, start: 7, count: 1 },
      { flags: ASSIGN, index: Irq.INTX, start: 0, count: 1, events: 1 },
      { flags: MASK, index: Irq.INTX, start: 0, count: 1 },
      { flags: ASSIGN, index: Irq.ERR, start: 0, count: 1, events: 1 },
    ],
  },
};

t.test('a device that is back is told what its client has set, and nothing else', async (t) => {
  const fixture = await BridgeFixture.open(t, { near: PORTABLE });
  const first = await fixture.script((request, peer) => {
    if (request.command !== Command.DEVICE_FEATURE) return false;
    peer.reply(request.command, request.id, request.body);
    return true;
  });
  const client = await fixture.connect();
  for (const { set } of Object.values(cases)) await set(client, first);
  // The device's own, which it starts afresh.
  const ring = { address: BASE, entryBytes: 64, entries: 4, tail: 0 };
  const rules = [{ id: 1, region: 0, offset: 8, size: 4 as const, ring }];
  const ruled = { rules };
  first.peer.request(ExtensionCommand.PUSH_RULES, ruled, { onReply() {}, onFailure() {} });
  await client.regionWrite(0, 0x20, new Uint8Array(4));
  await client.reset();
  await first.vanish();

  const second = await fixture.script();
  await eventually(async () => (await client.regionRead(0, 0, 1))[0] === 0);
  for (const [kind, { command, told }] of Object.entries(cases)) {
    t.match(second.bodies(command), told, kind);
    t.equal(second.bodies(command).length, told.length, `no more ${kind}`);
  }
  const known = new Set<number>([...Object.values(cases).map(({ command }) => command)]);
  t.same(
    second.requests.map(({ command }) => command).filter((command) => !known.has(command)),
    [
      Command.VERSION,
      Command.DEVICE_GET_INFO,
      ...second.bodies(Command.REGION_READ).map(() => Command.REGION_READ),
    ],
    'besides, VERSION, which device it is, and our reads',
  );
  await client.regionWrite(0, 8, Uint8Array.of(1, 0, 0, 0));
  t.notHas(second.bodies(Command.REGION_WRITE)[0], { pushed: [] }, 'nothing is pushed');
});
