import t from 'tap';
import { FAULT_KINDS, type Fault } from '../src/plan/faults.js';
import { type PlanOptions, planFaults } from '../src/plan/plan.js';
import { SETUPS, sessionsOver } from '../src/plan/sessions.js';
import { firstUnitsOf, unitsOf } from '../src/plan/units.js';

const options: PlanOptions = {
  seed: 7,
  sessions: sessionsOver(SETUPS),
  faults: 3_000,
  kinds: FAULT_KINDS,
};

function faultsOf(options: PlanOptions): Fault[] {
  return planFaults(options).flatMap(({ faults }) => faults.map(({ fault }) => fault));
}

t.test('the same seed gives the same plan, another one another', async (t) => {
  const text = (options: PlanOptions): string => JSON.stringify(planFaults(options));
  t.ok(text(options) === text({ ...options, seed: 7 }), 'the same one');
  t.ok(text(options) !== text({ ...options, seed: 8 }), 'another one');
  const [first, second] = planFaults(options);
  t.notSame(first?.faults.slice(0, 9), second?.faults.slice(0, 9), 'each session has its own');
  t.not(first?.seed, second?.seed, 'and does something of its own');
});

t.test('all faults that were asked for are planned', async (t) => {
  for (const faults of [1, 14, 15, 16, 3_000]) {
    t.equal(faultsOf({ ...options, faults }).length, faults);
  }
});

t.test('every kind of fault comes, in each session', async (t) => {
  for (const { setup, workload, faults } of planFaults(options)) {
    const kinds = new Set(faults.map(({ fault }) => fault.kind));
    t.strictSame([...kinds].sort(), [...FAULT_KINDS].sort(), `${setup} ${workload}`);
  }
});

t.test('every kind of frame is cut, in each direction that it goes', async (t) => {
  for (const plan of planFaults(options)) {
    const cut = (kind: 'cut' | 'cut-again'): string[] => {
      const places = plan.faults.flatMap(({ fault }) => (fault.kind === kind ? [fault.place] : []));
      return [...new Set(places.map(({ direction, unit }) => `${unit} ${direction}`))].sort();
    };
    const names = (units: ReturnType<typeof unitsOf>): string[] =>
      [...new Set(units.map(({ direction, unit }) => `${unit} ${direction}`))].sort();
    t.strictSame(cut('cut'), names(unitsOf(plan)), `${plan.setup} ${plan.workload}`);
    t.strictSame(cut('cut-again'), names(firstUnitsOf(plan)), `${plan.setup} ${plan.workload}`);
  }
});

t.test('only kinds that are asked for', async (t) => {
  const kinds = new Set(faultsOf({ ...options, kinds: ['late', 'stop'] }).map(({ kind }) => kind));
  t.strictSame([...kinds].sort(), ['late', 'stop']);
});
