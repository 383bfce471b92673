import {
  Command,
  ExtensionCommand,
  Irq,
  type LogFields,
  type Logger,
  Region,
  serve,
  silentLogger,
} from '@vfio-user/core';
import { call, type Peer, type RequestMessage } from '@vfio-user/core/internal';
import { nvme } from '@vfio-user/devices';
import t, { type Test } from 'tap';
import { mapGuest } from '../../src/compliance/session/test-device-session.js';
import { BridgeFixture, eventually, type FixtureOptions, PORTABLE } from './bridge-fixture.js';
import { refusal, type Script, type ScriptedDevice } from './scripted-device.js';
import { TestClock } from './test-clock.js';

const BASE = 0x1000_0000;
const PAGE = 4096;
const SERIAL = 'disk 1';
const LINE = 'another device is in its place, and is not taken up';
/** In which the bridge tries several times. */
const WHILE_MS = 10_000;

/** Replies to a request as another device would, or returns `false` for the ordinary reply. */
type Differs = (request: RequestMessage, peer: Peer) => boolean;

const info =
  (serial: string | undefined): Differs =>
  ({ command, id }, peer) => {
    if (command !== Command.DEVICE_GET_INFO) return false;
    peer.reply(command, id, { argsz: 16, flags: 0, numRegions: 9, numIrqs: 5, serial });
    return true;
  };

const differences: Readonly<Record<string, { reply: Differs; says: string }>> = {
  serial: { reply: info('disk "2"'), says: 'serial was "disk 1", is "disk \\"2\\""' },
  'ids in configuration space': {
    reply({ command, id, body }, peer) {
      if (command !== Command.REGION_READ || body.region !== Region.CONFIG) return false;
      const data = new Uint8Array(body.count);
      data.set([0x34, 0x12, 0x5c, 0xd1]);
      peer.reply(command, id, { ...body, data });
      return true;
    },
    says: 'vendor id was 0x0, is 0x1234; device id was 0x0, is 0xd15c',
  },
  'size and flags of a region': {
    reply({ command, id, body }, peer) {
      if (command !== Command.DEVICE_GET_REGION_INFO) return false;
      peer.reply(command, id, { ...body, argsz: 32, flags: 1, size: 8192, offset: 0 });
      return true;
    },
    says: 'size of BAR0 was 0x1000, is 0x2000; flags of BAR0 was 0x3, is 0x1',
  },
  'number of interrupts': {
    reply({ command, id, body }, peer) {
      if (command !== Command.DEVICE_GET_IRQ_INFO) return false;
      peer.reply(command, id, { ...body, argsz: 16, flags: 1, count: 9 });
      return true;
    },
    says: 'number of MSIX interrupts was 8, is 9',
  },
};

/** A logger, and what it was told of other devices. */
function listening(): { readonly lines: LogFields[]; readonly logger: Logger } {
  const lines: LogFields[] = [];
  const error = (fields: LogFields, message: string): void => {
    if (message === LINE) lines.push(fields);
  };
  const logger: Logger = { ...silentLogger, error, child: () => logger };
  return { lines, logger };
}

/** A client that knows its device, which is gone now. */
async function open(t: Test, options: FixtureOptions = {}) {
  const clock = new TestClock(t);
  const { lines, logger } = listening();
  const fixture = await BridgeFixture.open(t, { logger, ...options });
  const right = (): Promise<ScriptedDevice> => fixture.script(info(SERIAL));
  const first = await right();
  const client = await fixture.connect();
  await client.regionInfo(Region.BAR0);
  await client.irqInfo(Irq.MSIX);
  await client.regionRead(Region.CONFIG, 0, PAGE);
  await mapGuest(client, { address: BASE, length: PAGE, share: true });
  const isThere = async (): Promise<boolean> => (await client.regionRead(0, 0, 1))[0] === 0;
  t.ok(await isThere());
  await first.vanish();
  /** A device is there for a while. */
  const tried = async (script: Script): Promise<ScriptedDevice> => {
    const device = await fixture.script((...asked) => script(...asked) || info(SERIAL)(...asked));
    await clock.pass(WHILE_MS);
    return device;
  };
  return { clock, fixture, lines, client, right, isThere, tried };
}

for (const [what, { reply, says }] of Object.entries(differences)) {
  t.test(`a device with another ${what} stays out of reach, with one line`, async (t) => {
    const { clock, lines, isThere, right, tried } = await open(t);
    const another = await tried(reply);
    t.equal(await isThere(), false);
    t.ok(another.peers.length > 3, 'the bridge goes on looking');
    t.ok(
      another.peers.slice(0, -1).every(({ closed }) => closed),
      'one link at a time',
    );
    t.equal(lines.length, 1);
    t.match(lines[0], { different: says });
    t.same(another.bodies(Command.DMA_MAP), [], 'it is not told of the client');
    await another.vanish();

    const same = await right();
    await clock.pass(WHILE_MS);
    t.ok(await isThere(), 'the right one is taken up');
    t.equal(same.bodies(Command.DMA_MAP).length, 1);
    await same.vanish();

    await tried(reply);
    t.equal(await isThere(), false);
    t.equal(lines.length, 2, 'another time');
  });
}

t.test('different devices in turn are a line each', async (t) => {
  const { lines, isThere, tried } = await open(t);
  for (const serial of ['a', 'b', 'c']) {
    const device = await tried(info(serial));
    t.equal(await isThere(), false);
    await device.vanish();
  }
  t.same(
    lines.map(({ different }) => different),
    ['a', 'b', 'c'].map((serial) => `serial was "${SERIAL}", is "${serial}"`),
  );
});

t.test('another device gets at nothing of the client, and leaves nothing behind', async (t) => {
  const { client, isThere, tried, right, clock } = await open(t);
  const outcomes: Promise<number>[] = [];
  const ring = { address: BASE, entryBytes: 64, entries: 4, tail: 0 };
  const rules = [{ id: 1, region: 0, offset: 8, size: 4 as const, ring }];
  const another = await tried((request, peer) => {
    if (request.command === Command.VERSION) {
      queueMicrotask(() => {
        const read = { address: BASE, count: 16 };
        outcomes.push(
          refusal(call(peer, Command.DMA_READ, read, () => undefined)),
          refusal(call(peer, ExtensionCommand.PUSH_RULES, { rules }, () => undefined)),
        );
      });
    }
    return info('another')(request, peer);
  });
  const [read, ruled] = await Promise.all(outcomes.slice(0, 2));
  t.same([read, ruled], [22, 0], 'memory is not for it');
  await another.vanish();
  const device = await right();
  await clock.pass(WHILE_MS);
  t.ok(await isThere());
  await client.regionWrite(0, 8, Uint8Array.of(1, 0, 0, 0));
  t.notHas(device.bodies(Command.REGION_WRITE)[0], { pushed: [] }, 'its rules are forgotten');
  t.equal(await device.read(BASE, 16), 0, 'memory is for the right one');
});

t.test('what a device does not tell is no difference', async (t) => {
  const refuses: Script = ({ command, id }, peer) => {
    const isQuestion =
      command !== Command.VERSION && command !== Command.DMA_MAP && command < Command.REGION_READ;
    if (isQuestion) peer.replyError(command, id, false, new Error('not told'));
    return isQuestion;
  };
  const { isThere, tried, lines } = await open(t);
  await (await tried(info(undefined))).vanish();
  await tried(refuses);
  t.ok(await isThere());
  t.same(lines, []);
});

t.test('in the native encoding a device is known by the rest', async (t) => {
  const { isThere, tried, lines } = await open(t, { far: '' });
  const same = await tried(info('whatever'));
  t.ok(await isThere(), 'it has no serial');
  await same.vanish();
  await tried(differences['number of interrupts']!.reply);
  t.equal(await isThere(), false);
  t.match(lines, [{ different: 'number of MSIX interrupts was 8, is 9' }]);
});

t.test(
  'a disk in memory is another one when it is served again, unless it has a serial',
  async (t) => {
    for (const [set, isTheSame] of [
      [{ size: '1M' }, false],
      [{ size: '1M', serial: 'S1' }, true],
    ] as const) {
      const { logger, lines } = listening();
      const fixture = await BridgeFixture.open(t, { near: PORTABLE, logger });
      const { registry, deviceUri: listen } = fixture;
      const options = nvme.options.parse(set);
      const first = await serve({ definition: nvme, options, registry, listen });
      const client = await fixture.connect();
      t.match(
        client.info.serial,
        isTheSame ? /^S1 [0-9a-f-]{36}$/ : /^[0-9a-f]{20} [0-9a-f-]{36}$/,
      );
      const version = async (): Promise<Uint8Array> => client.regionRead(Region.BAR0, 8, 4);
      const known = await version();
      await first.close();
      await eventually(async () => (await version())[0] === 0xff);
      const second = await serve({ definition: nvme, options, registry, listen });
      t.teardown(() => second.close());
      if (isTheSame) {
        await eventually(async () => (await version())[0] !== 0xff);
        t.same(await version(), known);
      } else {
        await eventually(() => lines.length === 1);
        t.match(lines[0]?.different, /^serial was "[0-9a-f -]{57}", is "[0-9a-f -]{57}"$/);
        t.same(await version(), new Uint8Array(4).fill(0xff));
      }
    }
  },
);

t.test('to a client that comes now it is the device', async (t) => {
  const { fixture, isThere, tried } = await open(t);
  const device = await tried(info('another'));
  t.equal(await isThere(), false);
  const newcomer = await fixture.connect();
  t.same(await newcomer.regionRead(0, 0, 1), new Uint8Array(1));
  await device.vanish();
});
