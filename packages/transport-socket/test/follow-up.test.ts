import t from 'tap';
import { FollowUp } from '../src/follow-up.js';

/** @returns how many attempts were made for `count` messages, of which each finds something or not. */
function attempts(followUp: FollowUp, count: number, found: boolean): number {
  let made = 0;
  for (let i = 0; i < count; i++) {
    if (!followUp.handled()) continue;
    made++;
    followUp.attempted(found);
  }
  return made;
}

t.test('where the next message is there, it is always looked for', async (t) => {
  t.equal(attempts(new FollowUp(), 1000, true), 1000);
});

t.test('where it is not, it is looked for ever more rarely', async (t) => {
  const followUp = new FollowUp();
  t.ok(attempts(followUp, 10_000, false) <= 20);
  t.ok(attempts(followUp, 10_240, false) <= 10);
});

t.test('a peer that comes to the same processor is noticed', async (t) => {
  const followUp = new FollowUp();
  attempts(followUp, 10_000, false);
  t.ok(attempts(followUp, 2000, true) > 900);
});
