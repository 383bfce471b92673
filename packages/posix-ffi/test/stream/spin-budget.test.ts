import t from 'tap';
import { SpinBudget } from '../../src/stream/spin-budget.js';

/** Messages `gapMs` apart; returns how long the next one is waited for. */
function arrivals(spin: SpinBudget, start: number, gapMs: number, count: number): number {
  let now = start;
  for (let i = 0; i < count; i++) {
    now += gapMs;
    spin.arrived(now);
  }
  return now;
}

t.test('quick messages are waited for, a little longer than they take', async (t) => {
  const spin = new SpinBudget(100);
  spin.arrived(0);
  t.notOk(spin.pays(0), 'one message says nothing');
  const now = arrivals(spin, 0, 0.02, 2);
  t.ok(spin.pays(now + 0.039));
  t.notOk(spin.pays(now + 0.041));
});

t.test('the wait is bounded', async (t) => {
  const spin = new SpinBudget(100);
  const now = arrivals(spin, 0, 0.09, 50);
  t.ok(spin.pays(now + 0.099));
  t.notOk(spin.pays(now + 0.101));
});

t.test('slow messages are not waited for', async (t) => {
  const spin = new SpinBudget(100);
  const now = arrivals(spin, 0, 1, 1000);
  t.notOk(spin.pays(now));
});

t.test('waiting in vain ends soon, and is tried again much later', async (t) => {
  const spin = new SpinBudget(100);
  let now = arrivals(spin, 0, 0.02, 10);
  now = arrivals(spin, now, 1, 3);
  t.ok(spin.pays(now), 'a few slow ones are forgiven');
  now = arrivals(spin, now, 0.02, 1);
  now = arrivals(spin, now, 1, 4);
  t.notOk(spin.pays(now));
  now = arrivals(spin, now, 0.02, 100);
  t.notOk(spin.pays(now));
  now = arrivals(spin, now, 0.02, 200);
  t.ok(spin.pays(now));
});

t.test('it can be switched off', async (t) => {
  const spin = new SpinBudget(0);
  const now = arrivals(spin, 0, 0, 10);
  t.notOk(spin.pays(now));
});
