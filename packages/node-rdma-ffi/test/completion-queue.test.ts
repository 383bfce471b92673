import t, { type Test } from 'tap';
import { FakeAdapter } from './fake-adapter.js';

const EIO = 5;

/** An adapter whose queue is started, and what its handler has seen. */
function started(
  t: Test,
  spinUs = 0,
): { adapter: FakeAdapter; ids: number[]; reached: (count: number) => Promise<void> } {
  const adapter = new FakeAdapter({ depth: 100, spinUs });
  t.teardown(() => adapter.queue.close());
  const ids: number[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let resolve = (): void => {};
  adapter.queue.start((count) => {
    for (let i = 0; i < count; i++) ids.push(adapter.queue.id(i));
    if (ids.length >= wanted) resolve();
  });
  const reached = (count: number): Promise<void> =>
    new Promise((done) => {
      wanted = count;
      resolve = done;
      if (ids.length >= count) done();
    });
  return { adapter, ids, reached };
}

t.test('entries are read as the adapter wrote them', async (t) => {
  const adapter = new FakeAdapter({ depth: 10 });
  t.teardown(() => adapter.queue.close());
  const { queue } = adapter;
  t.equal(queue.poll(), 0);
  adapter.complete(
    { id: 2 ** 53 - 1, status: 10, queuePair: 0xff_fffe },
    { id: 1, opcode: 129, byteLength: 2 ** 31, immediate: 0xfedc_ba98, queuePair: 7 },
  );
  t.equal(queue.poll(), 2);
  t.equal(queue.id(0), 2 ** 53 - 1);
  t.equal(queue.status(0), 10);
  t.equal(queue.queuePair(0), 0xff_fffe);
  t.equal(queue.immediate(0), undefined);
  t.equal(queue.opcode(1), 129);
  t.equal(queue.byteLength(1), 2 ** 31);
  t.equal(queue.immediate(1), 0xfedc_ba98);
});

t.test('a completion between the last look and arming is not lost', async (t) => {
  const { adapter, ids, reached } = started(t);
  adapter.beforeArming = () => {
    adapter.beforeArming = () => {};
    adapter.complete({ id: 5 });
  };
  await reached(1);
  t.same(ids, [5]);
});

t.test('events wake it, again and again', async (t) => {
  for (const spinUs of [0, 100]) {
    const { adapter, ids, reached } = started(t, spinUs);
    for (let id = 1; id <= 200; id++) {
      adapter.complete({ id });
      await reached(id);
    }
    t.same(ids.length, 200);
    t.ok(adapter.unacknowledged < 64, 'events are acknowledged in time');
  }
});

t.test('who awaits a completion goes on before the next one is awaited actively', async (t) => {
  const { adapter, reached } = started(t, 1_000_000);
  adapter.complete({ id: 1 });
  await reached(1);
  t.equal(adapter.looks, 1, 'the one that brought it');
});

t.test('what a completion made ready to run runs before the next is looked for', async (t) => {
  const adapter = new FakeAdapter({ depth: 100, spinUs: 1_000_000 });
  t.teardown(() => adapter.queue.close());
  const log: string[] = [];
  const steps = async (id: number): Promise<void> => {
    for (let step = 0; step < 3; step++) await undefined;
    process.nextTick(() => {
      log.push(`after ${id}`);
      // The next is there only when this processor is given away.
      adapter.onYield = () => {
        adapter.onYield = () => {};
        adapter.complete({ id: id + 1 });
      };
    });
  };
  const ended = new Promise<void>((resolve) => {
    adapter.queue.start(() => {
      const id = adapter.queue.id(0);
      log.push(`completion ${id}`);
      if (id === 4) resolve();
      else void steps(id);
    });
  });
  adapter.complete({ id: 1 });
  await ended;
  t.same(
    log,
    [1, 2, 3].flatMap((id) => [`completion ${id}`, `after ${id}`]).concat('completion 4'),
  );
});

t.test('completions without end leave the event loop its turn', async (t) => {
  for (const spinUs of [0, 1_000_000]) {
    const adapter = new FakeAdapter({ depth: 10, spinUs });
    t.teardown(() => adapter.queue.close());
    adapter.queue.start(() => adapter.complete({ id: 1 }));
    adapter.complete({ id: 0 });
    await new Promise((resolve) => setTimeout(resolve, 0));
    await new Promise((resolve) => setImmediate(resolve));
    adapter.queue.close();
  }
  // A queue that stays empty while it is waited for actively.
  const idle = new FakeAdapter({ depth: 10, spinUs: 3_600_000_000 });
  t.teardown(() => idle.queue.close());
  const began = new Promise<void>((resolve) => idle.queue.start(() => resolve()));
  idle.complete({ id: 0 });
  await began;
  await new Promise((resolve) => setTimeout(resolve, 0));
  idle.queue.close();
});

t.test('more completions than one turn takes arrive in order', async (t) => {
  const { adapter, ids, reached } = started(t);
  const many = Array.from({ length: 5000 }, (_, id) => ({ id }));
  adapter.complete(...many);
  await reached(many.length);
  t.same(
    ids,
    many.map(({ id }) => id),
  );
});

t.test('one handler runs at a time, and one that throws stops nothing', async (t) => {
  const adapter = new FakeAdapter({ depth: 10 });
  t.teardown(() => adapter.queue.close());
  const inner: number[] = [];
  adapter.queue.start(() => {
    adapter.complete({ id: 2 });
    inner.push(adapter.queue.poll());
    if (inner.length === 1) throw new Error('of the handler');
    adapter.queue.close();
  });
  t.throws(() => adapter.queue.start(() => {}), { code: 'RDMA_INVALID' });
  adapter.complete({ id: 1 });
  t.throws(() => adapter.queue.poll(), { message: 'of the handler' });
  t.equal(adapter.queue.poll(), 1);
  t.same(inner, [0, 0]);
  t.throws(() => adapter.queue.poll(), { code: 'RDMA_CLOSED' });
});

t.test(
  'a queue that was closed while an event was on its way is not looked at any more',
  async (t) => {
    const adapter = new FakeAdapter({ depth: 10, spinUs: 1_000_000 });
    const closed = new Promise<void>((resolve) => {
      adapter.queue.start(() => {
        if (adapter.queue.id(0) === 1) {
          void Promise.resolve().then(() => adapter.complete({ id: 2 }));
          return;
        }
        adapter.queue.close();
        resolve();
      });
    });
    // Found by the look after arming, and told of by an event as well.
    adapter.afterArming = () => {
      adapter.afterArming = () => {};
      adapter.complete({ id: 1 });
    };
    await closed;
    const { looks } = adapter;
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    t.equal(adapter.looks, looks);
  },
);

t.test('what belongs to a queue goes before it, and events are acknowledged', async (t) => {
  const { adapter, reached } = started(t);
  adapter.complete({ id: 0 });
  await reached(1);
  await new Promise((resolve) => setImmediate(resolve)); // it is armed again
  adapter.complete({ id: 1 });
  await reached(2);
  const queuePair = {
    close: () => {
      adapter.calls.push('close queue pair');
      adapter.queue.release(queuePair);
    },
  };
  adapter.queue.adopt(queuePair);
  adapter.queue.close();
  adapter.queue.close();
  t.same(adapter.calls, [
    'close queue pair',
    'destroy queue, 0 unacknowledged',
    'destroy channel',
    'gone',
  ]);
});

t.test('a queue that fails says so once, and lets the process end', async (t) => {
  const overrun = started(t).adapter;
  overrun.pollFails = true;
  overrun.event();
  const broken = started(t).adapter;
  await new Promise((resolve) => setImmediate(resolve)); // it is armed
  broken.eventErrno = EIO;
  broken.event();
  while (overrun.failures.length + broken.failures.length < 2) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.match(overrun.failures, [{ code: 'RDMA_VERB_FAILED', verb: 'ibv_poll_cq' }]);
  t.match(broken.failures, [{ verb: 'ibv_get_cq_event', errno: EIO }]);
  t.throws(() => overrun.queue.poll(), { verb: 'ibv_poll_cq', message: /overrun/ });
});

t.test('a depth that cannot be is refused', async (t) => {
  for (const depth of [0, -1, 1.5]) {
    t.throws(() => new FakeAdapter({ depth }), { code: 'RDMA_INVALID' });
  }
});
