import t from 'tap';
import { DeviceInterrupts } from '../../src/device-end/interrupts.js';
import { EBUSY } from '../../src/errno.js';
import { RemoteError } from '../../src/errors.js';
import { OWN_CAPABILITIES } from '../../src/protocol/capabilities.js';
import { Command, Irq } from '../../src/protocol/enums.js';
import type { SharedResources } from '../../src/transport/resources.js';
import { FakeDescriptor, PeerFixture } from '../session/fakes.js';

const { DEVICE_SET_IRQS } = Command;

/** Events that a test signals. */
class Events {
  readonly open = new Set<(count: number) => void>();
  readonly descriptors: FakeDescriptor[] = [];
  /** Most descriptors that can be made. */
  limit = Number.POSITIVE_INFINITY;

  readonly resources = {
    createEvent: (onSignal: (count: number) => void) => {
      this.open.add(onSignal);
      return {
        descriptor: () => {
          if (this.descriptors.length === this.limit) throw new Error('too many open files');
          const descriptor = new FakeDescriptor();
          this.descriptors.push(descriptor);
          return descriptor;
        },
        close: () => void this.open.delete(onSignal),
      };
    },
  } as unknown as SharedResources;

  /** What a device that holds their descriptors does. */
  signalAll(): void {
    for (const onSignal of this.open) onSignal(1);
  }
}

function open(extensions = {}) {
  const fixture = new PeerFixture(extensions);
  const events = new Events();
  fixture.connection.resources = events.resources;
  const interrupts = new DeviceInterrupts(fixture.peer);
  const lastId = (): number => fixture.connection.requests(DEVICE_SET_IRQS).at(-1)!.id;
  const accept = (): void => fixture.answer(DEVICE_SET_IRQS, lastId(), undefined);
  const refuse = (): void => fixture.refuse(DEVICE_SET_IRQS, lastId(), EBUSY);
  const seen: string[] = [];
  const see = (name: string) => (vector: number) => void seen.push(`${name} ${vector}`);
  return { events, interrupts, accept, refuse, seen, see };
}

t.test('what is signalled before the answer is seen', async (t) => {
  const { events, interrupts, accept, seen, see } = open();
  const enabled = interrupts.enable(Irq.MSIX, 2, see('first'), OWN_CAPABILITIES);
  events.signalAll();
  accept();
  await enabled;
  t.same(seen, ['first 0', 'first 1']);
});

t.test('vectors that are wired up again lose no signal', async (t) => {
  const { events, interrupts, accept, seen, see } = open();
  const enabled = interrupts.enable(Irq.MSIX, 2, see('first'), OWN_CAPABILITIES);
  accept();
  await enabled;
  const again = interrupts.enable(Irq.MSIX, 3, see('second'), OWN_CAPABILITIES);
  events.signalAll();
  t.same(seen, ['second 0', 'second 1', 'second 2'], 'also one meant for the earlier handler');
  accept();
  await again;
  const fewer = interrupts.enable(Irq.MSIX, 1, see('third'), OWN_CAPABILITIES);
  accept();
  await fewer;
  t.equal(events.open.size, 1, 'no event is left over');
});

t.test('vectors that the server refuses stay as they were', async (t) => {
  for (const byMessage of [false, true]) {
    const { events, interrupts, accept, refuse, seen, see } = open({ interrupts: byMessage });
    const signal = (): void => {
      if (byMessage) interrupts.onMessage({ index: Irq.MSIX, vector: 0, count: 1 });
      else events.signalAll();
    };
    const early = interrupts.enable(Irq.MSIX, 1, see('early'), OWN_CAPABILITIES);
    refuse();
    await t.rejects(early, RemoteError);
    signal();
    t.same(seen, []);
    const enabled = interrupts.enable(Irq.MSIX, 1, see('first'), OWN_CAPABILITIES);
    accept();
    await enabled;
    const refused = interrupts.enable(Irq.MSIX, 2, see('second'), OWN_CAPABILITIES);
    refuse();
    await t.rejects(refused, RemoteError);
    signal();
    t.same(seen, ['first 0']);
  }
});

t.test('where descriptors run out, none is left over', async (t) => {
  const { events, interrupts, see } = open();
  events.limit = 2;
  const enabled = interrupts.enable(Irq.MSIX, 3, see('first'), OWN_CAPABILITIES);
  await t.rejects(enabled, { message: 'too many open files' });
  t.strictSame(
    events.descriptors.map(({ closed }) => closed),
    [true, true],
  );
  t.equal(events.open.size, 0);
});
