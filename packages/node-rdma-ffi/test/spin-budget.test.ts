import t from 'tap';
import { SpinBudget } from '../src/completion/spin-budget.js';

t.test('waiting actively begins after the first completion, and is bounded', async (t) => {
  const budget = new SpinBudget(50);
  t.notOk(budget.pays(0), 'nothing came yet');
  budget.arrived(1);
  t.ok(budget.pays(2), 'the work in between does not count');
  t.ok(budget.pays(2.049));
  t.notOk(budget.pays(2.051));
  t.notOk(budget.pays(2.052), 'not again before something came');
});

t.test('it goes on while completions come in time', async (t) => {
  const budget = new SpinBudget(50);
  for (let now = 1; now < 10; now += 0.5) {
    budget.arrived(now);
    t.ok(budget.pays(now + 0.46));
    t.ok(budget.pays(now + 0.48));
  }
});

t.test('it is tried less and less often when it is in vain, and again when it pays', async (t) => {
  const budget = new SpinBudget(50);
  const triesIn = (arrivals: number, begin: number): number => {
    let tries = 0;
    for (let i = 0; i < arrivals; i++) {
      budget.arrived(begin + i);
      if (budget.pays(begin + i)) tries += 1;
    }
    return tries;
  };
  t.equal(triesIn(1000, 1), 9, 'the pause doubles');
  t.ok(triesIn(10_000, 2000) < 15, 'up to a limit');
  let now = 20_000;
  while (!budget.pays(now)) budget.arrived(++now);
  budget.arrived(now + 0.01);
  t.ok(budget.pays(now + 0.02));
});

t.test('it is in vain as well when it is given up before something comes', async (t) => {
  const budget = new SpinBudget(50);
  budget.arrived(1);
  t.ok(budget.pays(1));
  t.notOk(budget.pays(2));
  budget.arrived(3);
  t.notOk(budget.pays(3), 'one completion passes');
  budget.arrived(4);
  t.ok(budget.pays(4));
});

t.test('zero means never', async (t) => {
  const budget = new SpinBudget(0);
  for (let now = 1; now < 5; now++) {
    budget.arrived(now);
    t.notOk(budget.pays(now));
  }
});
