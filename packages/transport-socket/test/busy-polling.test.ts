import t from 'tap';
import { BusyPolling } from '../src/busy-polling.js';

/** How long messages take, ms, by how they are waited for. */
interface Pace {
  readonly asleep: number;
  readonly active: number;
}

/** A receiver whose messages come as they do on some machine. */
class Receiver {
  readonly spin: BusyPolling;
  #now = 0;

  constructor(maxUs = 100) {
    this.spin = new BusyPolling(maxUs);
  }

  /** Whether the next message would be waited for actively. */
  get waits(): boolean {
    return this.spin.pays(this.#now);
  }

  /** @returns how many of `count` messages were waited for actively. */
  receive({ asleep, active }: Pace, count: number): number {
    let waited = 0;
    for (let i = 0; i < count; i++) {
      const waits = this.waits;
      if (waits) waited++;
      this.#now += waits ? active : asleep;
      this.spin.arrived(this.#now);
    }
    return waited;
  }
}

const OWN_PROCESSOR = { asleep: 0.05, active: 0.02 };
const SAME_PROCESSOR = { asleep: 0.04, active: 0.08 };
const COUNT = 20_000;

t.test('where waiting actively is faster, it is what happens', async (t) => {
  const receiver = new Receiver();
  t.equal(receiver.receive(OWN_PROCESSOR, 10), 0, 'a few messages say nothing');
  t.ok(receiver.receive(OWN_PROCESSOR, COUNT) > 0.95 * COUNT);
});

t.test('where it is slower, it is tried ever more rarely', async (t) => {
  const receiver = new Receiver();
  t.ok(receiver.receive(SAME_PROCESSOR, COUNT) < 0.02 * COUNT);
  t.ok(receiver.receive(SAME_PROCESSOR, COUNT) <= 32);
});

t.test('where it makes no difference, nobody is kept from the processor', async (t) => {
  const receiver = new Receiver();
  t.ok(receiver.receive({ asleep: 0.04, active: 0.039 }, COUNT) < 0.02 * COUNT);
});

t.test('a machine that changes is noticed', async (t) => {
  const receiver = new Receiver();
  receiver.receive(OWN_PROCESSOR, COUNT);
  receiver.receive(SAME_PROCESSOR, COUNT);
  t.ok(receiver.receive(SAME_PROCESSOR, COUNT) < 0.1 * COUNT, 'it has become slower');
  receiver.receive(OWN_PROCESSOR, 2 * COUNT);
  t.ok(receiver.receive(OWN_PROCESSOR, COUNT) > 0.9 * COUNT, 'and faster again');
});

t.test('slow messages are not waited for', async (t) => {
  const receiver = new Receiver();
  t.equal(receiver.receive({ asleep: 1, active: 1 }, COUNT), 0);
});

t.test('when messages become slow, the wait ends soon', async (t) => {
  const receiver = new Receiver();
  receiver.receive(OWN_PROCESSOR, 2000);
  t.ok(receiver.waits);
  t.ok(receiver.receive({ asleep: 1, active: 1 }, 100) <= 20);
  t.notOk(receiver.waits);
});

t.test('the wait is bounded', async (t) => {
  const receiver = new Receiver();
  receiver.receive(OWN_PROCESSOR, 1000);
  const { spin } = receiver;
  spin.arrived(1000);
  t.ok(spin.pays(1000.099));
  t.notOk(spin.pays(1000.101));
});

t.test('it can be switched off', async (t) => {
  t.equal(new Receiver(0).receive({ asleep: 0, active: 0 }, 1000), 0);
});
