import t from 'tap';
import { ReceiveLoop, type ReceiveSource } from '../src/receive-loop.js';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A socket whose messages are there as a test says. */
class Source implements ReceiveSource {
  receives = true;
  awaitsEnd = false;
  /** The time that it is, ms. */
  now = 0;
  /** Messages that are there. */
  waiting = 0;
  /** Calls of `receive` that found one, and those that did not. */
  found = 0;
  missed = 0;
  onMessage = () => {};
  onPush = () => {};
  readonly loop: ReceiveLoop;

  constructor(maxSpinUs = 100) {
    this.loop = new ReceiveLoop(this, maxSpinUs, true, () => this.now);
  }

  receive(): boolean {
    if (!this.receives) return false;
    if (this.waiting === 0) {
      this.missed++;
      return false;
    }
    this.waiting--;
    this.found++;
    this.onMessage();
    return true;
  }

  push(): void {
    this.onPush();
  }

  /** The event loop reports that there is something. */
  arrive(count: number): void {
    this.waiting += count;
    this.loop.onReady();
  }
}

t.test('a peer that never pauses leaves the event loop its turn', async (t) => {
  const source = new Source();
  const most = 16;
  for (let i = 0; i < 20; i++) {
    const before = source.found;
    source.arrive(1000);
    await turn();
    t.ok(source.found > before);
    t.ok(source.found - before <= most, `${source.found - before} messages in a turn`);
  }
});

t.test('a slow handler has the turn for itself', async (t) => {
  const source = new Source();
  source.onMessage = () => {
    source.now++;
  };
  source.arrive(1000);
  await turn();
  t.equal(source.found, 1);
});

t.test('several connections of a process take turns', async (t) => {
  const order: string[] = [];
  const sources = ['a', 'b', 'c'].map((name) => {
    const source = new Source();
    source.onMessage = () => order.push(name);
    return source;
  });
  for (let round = 1; round <= 5; round++) {
    for (const source of sources) source.arrive(1000);
    await turn();
    for (const { found } of sources) t.ok(found >= round && found <= 16 * round);
  }
  t.strictSame([...new Set(order)], ['a', 'b', 'c']);
});

t.test('all that a message made ready to run runs before the next message', async (t) => {
  const source = new Source();
  const order: string[] = [];
  source.onMessage = () => {
    const name = source.found;
    order.push(`message ${name}`);
    void (async () => {
      for (let i = 0; i < 10; i++) await undefined;
      order.push(`promises of ${name}`);
    })();
    process.nextTick(() => order.push(`tick of ${name}`));
  };
  setImmediate(() => source.arrive(3));
  await turn();
  await turn();
  t.strictSame(
    order,
    [1, 2, 3].flatMap((name) => [`message ${name}`, `tick of ${name}`, `promises of ${name}`]),
  );
});

t.test('what was gathered leaves before the next message is looked for', async (t) => {
  const source = new Source();
  const order: string[] = [];
  source.onMessage = () => order.push('message');
  source.onPush = () => order.push('push');
  source.arrive(2);
  await turn();
  t.strictSame(order, ['message', 'push', 'message', 'push']);
});

t.test('nothing is received between a pause and what resumes', async (t) => {
  const source = new Source();
  source.onMessage = () => {
    source.receives = false;
  };
  source.arrive(10);
  await turn();
  t.equal(source.found, 1);
});

t.test('where no message follows at once, hardly anything is looked for', async (t) => {
  const source = new Source();
  for (let i = 0; i < 5000; i++) {
    source.arrive(1);
    await turn();
  }
  t.equal(source.found, 5000);
  t.ok(source.missed <= 40, `${source.missed} attempts in vain`);
});

t.test('nothing is done while nobody talks', async (t) => {
  const source = new Source();
  source.arrive(100);
  for (let i = 0; i < 5; i++) await turn();
  const { found, missed } = source;
  for (let i = 0; i < 100; i++) await turn();
  t.strictSame([source.found, source.missed], [found, missed]);
});

t.test('the end of a peer that reads no more is looked for in each turn', async (t) => {
  const source = new Source();
  source.awaitsEnd = true;
  source.loop.schedule();
  for (let i = 0; i < 20; i++) await turn();
  t.ok(source.missed >= 20);
  source.receives = false;
  await turn();
  const { missed } = source;
  for (let i = 0; i < 20; i++) await turn();
  t.equal(source.missed, missed);
});
