import t from 'tap';
import { DeviceDoorbells } from '../../src/device-end/doorbells.js';
import { Command, ExtensionCommand } from '../../src/protocol/enums.js';
import type { RegionIoFd } from '../../src/protocol/messages.js';
import { nativeEncodingFor } from '../../src/protocol/native/native-encoding.js';
import type { Descriptor, SharedResources } from '../../src/transport/resources.js';
import { FakeDescriptor, PeerFixture, type PeerFixtureOptions } from '../session/fakes.js';

const { DEVICE_GET_REGION_IO_FDS } = Command;

function entry(offset: number, fdIndex: number, type = 0): RegionIoFd {
  return { offset, size: 4, fdIndex, type, flags: 0, datamatch: 0n };
}

/** Makes notifiers that write down what becomes of them. */
class Notifiers {
  readonly log: string[] = [];
  readonly #names: Descriptor[] = [];

  readonly resources = {
    notifier: (descriptor: Descriptor) => {
      const name = this.#names.push(descriptor) - 1;
      if (descriptor instanceof NoEvent) throw new Error('the descriptor is no event');
      return {
        signal: () => void this.log.push(`signal ${name}`),
        close: () => {
          descriptor.close();
          this.log.push(`close ${name}`);
        },
      };
    },
  } as unknown as SharedResources;
}

class NoEvent extends FakeDescriptor {}

function open(extensions = {}, options: PeerFixtureOptions = {}) {
  const fixture = new PeerFixture(extensions, {}, options);
  const notifiers = new Notifiers();
  fixture.connection.resources = notifiers.resources;
  const doorbells = new DeviceDoorbells(fixture.peer, 65_536);
  const answer = (
    entries: readonly RegionIoFd[],
    { argsz = 16 + 40 * entries.length, count = entries.length } = {},
    descriptors: readonly Descriptor[] = [],
  ): void => {
    const id = fixture.connection.requests(DEVICE_GET_REGION_IO_FDS).at(-1)!.id;
    const body = { argsz, flags: 0, index: 2, count, entries };
    fixture.answer(DEVICE_GET_REGION_IO_FDS, id, body, descriptors);
  };
  return { fixture, notifiers, doorbells, answer };
}

t.test('a doorbell with a descriptor is rung through it', async (t) => {
  const { notifiers, doorbells, answer } = open();
  const asked = doorbells.of(2);
  answer([entry(8, 1), entry(16, 0)], {}, [new FakeDescriptor(), new FakeDescriptor()]);
  const [first, second] = await asked;
  t.match([first, second], [{ offset: 8, size: 4, datamatch: 0n }, { offset: 16 }]);
  second?.ring();
  first?.ring();
  first?.close();
  t.same(notifiers.log, ['signal 1', 'signal 0', 'close 0']);
});

t.test('a doorbell is rung by message where the session has such messages', async (t) => {
  const { fixture, doorbells, answer } = open({ doorbells: true });
  const asked = doorbells.of(2);
  answer([entry(8, 0xffff_ffff), entry(16, 0xffff_ffff)]);
  const [, second] = await asked;
  t.equal(second?.offset, 16);
  second?.ring();
  second?.close();
  t.match(fixture.connection.requests(ExtensionCommand.DOORBELL), [
    { noReply: true, body: { region: 2, entry: 1, count: 1 } },
  ]);
});

t.test('a region with many doorbells is asked again, with more room', async (t) => {
  const encoding = () => nativeEncodingFor(65_536);
  const { fixture, doorbells, answer } = open({}, { encoding });
  const asked = doorbells.of(2);
  const entries = Array.from({ length: 30 }, (_, i) => entry(4 * i, i));
  answer([], { argsz: 16 + 40 * 30, count: 30 });
  await new Promise((resolve) => setImmediate(resolve));
  answer(
    entries,
    {},
    entries.map(() => new FakeDescriptor()),
  );
  t.equal((await asked).length, 30);
  const sizes = fixture.connection.requests(DEVICE_GET_REGION_IO_FDS).map(({ body }) => body.argsz);
  t.same(sizes, [512, 16 + 40 * 30]);
});

t.test('entries that cannot be rung are left out, and nothing stays open', async (t) => {
  const { doorbells, answer } = open();
  const asked = doorbells.of(2);
  const descriptors = [new FakeDescriptor(), new FakeDescriptor(), new FakeDescriptor()];
  const ioregionfd = entry(12, 1, 1);
  answer([entry(4, 0), entry(8, 0), ioregionfd, entry(16, 99)], {}, descriptors);
  const rung = await asked;
  t.same(
    rung.map(({ offset }) => offset),
    [4],
    'a descriptor is for one of them',
  );
  t.same(
    descriptors.map(({ closed }) => closed),
    [false, true, true],
  );
  rung[0]?.close();
  t.equal(descriptors[0]?.closed, true);
});

t.test('a descriptor that is no event fails, and nothing stays open', async (t) => {
  const { notifiers, doorbells, answer } = open();
  const asked = doorbells.of(2);
  const descriptors = [new FakeDescriptor(), new NoEvent(), new FakeDescriptor()];
  answer([entry(4, 0), entry(8, 1), entry(12, 2)], {}, descriptors);
  await t.rejects(asked, { message: /no event/ });
  t.same(notifiers.log, ['close 0']);
  t.same([descriptors[0]?.closed, descriptors[2]?.closed], [true, true]);
});
