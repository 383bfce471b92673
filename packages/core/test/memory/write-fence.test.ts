import fc from 'fast-check';
import t from 'tap';
import { WriteFence } from '../../src/memory/write-fence.js';

t.test('an action runs at once when no write is under way', async (t) => {
  const fence = new WriteFence();
  let ran = 0;
  fence.run(() => ran++);
  t.equal(ran, 1);
  t.ok(fence.open);
});

t.test('an action waits for the writes before it and for none after it', async (t) => {
  const fence = new WriteFence();
  const ran: string[] = [];
  const [a, b] = [fence.begin(), fence.begin()];
  fence.run(() => ran.push('action'));
  const c = fence.begin();
  fence.end(c);
  fence.end(b);
  t.strictSame(ran, []);
  t.notOk(fence.open);
  fence.end(a);
  t.strictSame(ran, ['action']);
  t.ok(fence.open);
});

t.test(
  'a write that leaves from a waiting action holds up those that wait behind it',
  async (t) => {
    const fence = new WriteFence();
    const ran: string[] = [];
    const first = fence.begin();
    let late = -1;
    fence.run(() => {
      late = fence.begin();
    });
    fence.run(() => ran.push('behind'));
    fence.end(first);
    t.strictSame(ran, []);
    fence.end(late);
    t.strictSame(ran, ['behind']);
  },
);

t.test('actions run in order, each once all earlier writes have ended', async (t) => {
  const step = fc.oneof(
    fc.constant({ kind: 'begin' as const }),
    fc.constant({ kind: 'run' as const }),
    fc.record({ kind: fc.constant('end' as const), pick: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const fence = new WriteFence();
      const under: number[] = [];
      const ran: number[] = [];
      let actions = 0;
      let sound = true;
      const end = (pick: number): void => {
        const [write] = under.splice(pick % under.length, 1);
        fence.end(write as number);
      };
      for (const now of steps) {
        if (now.kind === 'begin') under.push(fence.begin());
        else if (now.kind === 'run') {
          const earlier = [...under];
          const action = actions++;
          fence.run(() => {
            sound &&= !earlier.some((write) => under.includes(write));
            ran.push(action);
          });
        } else if (under.length > 0) end(now.pick);
        sound &&= fence.open === (under.length === 0);
      }
      while (under.length > 0) end(0);
      return sound && ran.length === actions && ran.every((action, index) => action === index);
    }),
  );
  t.pass();
});
