import fc from 'fast-check';
import t from 'tap';
import type { Acknowledge } from '../../src/protocol/messages.js';
import { noExtensions } from '../../src/session/extensions.js';
import { OneWayWindow } from '../../src/session/one-way-window.js';

/** The two ends of one direction. */
function ends(windowMessages: number, windowBytes: number) {
  return {
    sender: new OneWayWindow({ ...noExtensions, windowMessages, windowBytes }),
    receiver: new OneWayWindow({
      ...noExtensions,
      ownWindowMessages: windowMessages,
      ownWindowBytes: windowBytes,
    }),
  };
}

/** A sender that keeps to the window, a receiver that is as slow as the steps say. */
type Step = { readonly send: number } | 'handle' | 'acknowledge';

const steps = fc.array(
  fc.oneof(
    fc.record({ send: fc.integer({ min: 8, max: 500 }) }),
    fc.constantFrom<Step[]>('handle', 'handle', 'acknowledge'),
  ),
  { maxLength: 300 },
);

t.test('a sender never exceeds the window, and never waits for ever', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 4000 }),
      steps,
      (windowMessages, windowBytes, steps) => {
        const { sender, receiver } = ends(windowMessages, windowBytes);
        const underWay: number[] = [];
        const acknowledgements: Acknowledge[] = [];
        let messages = 0;
        let bytes = 0;
        let last = 0;
        const handle = (): void => {
          const size = underWay.shift();
          const due = size === undefined ? undefined : receiver.handle(size);
          if (due !== undefined) acknowledgements.push(due);
        };
        const acknowledge = (): void => {
          const due = acknowledgements.shift();
          if (due !== undefined) sender.acknowledge(due);
        };
        let acknowledged = { messages: 0, bytes: 0 };
        for (const step of steps) {
          if (step === 'handle') handle();
          else if (step === 'acknowledge') {
            acknowledged = acknowledgements[0] ?? acknowledged;
            acknowledge();
          } else if (sender.open) {
            sender.send(step.send);
            underWay.push(step.send);
            messages++;
            bytes += step.send;
            last = step.send;
          }
          if (messages - acknowledged.messages > windowMessages) return false;
          if (bytes - acknowledged.bytes >= windowBytes + last) return false;
        }
        while (underWay.length > 0) handle();
        while (acknowledgements.length > 0) acknowledge();
        return sender.open;
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('a window of 0 is none, in either unit', async (t) => {
  const messages = ends(2, 0).sender;
  t.same([messages.send(1e9), messages.send(1e9)], [true, false]);
  const bytes = ends(0, 100).sender;
  t.same([bytes.send(50), bytes.send(49), bytes.send(1)], [true, true, false]);
  const neither = ends(0, 0);
  for (let i = 0; i < 1000; i++) {
    t.equal(neither.sender.send(1e6), true);
    t.equal(neither.receiver.handle(1e6), undefined, 'nothing to acknowledge');
  }
});

t.test('an acknowledgement of more than was sent opens no more than the window', async (t) => {
  const { sender } = ends(2, 0);
  sender.send(10);
  sender.acknowledge({ messages: 1_000_000, bytes: 1_000_000 });
  t.same([sender.send(10), sender.send(10)], [true, false]);
});

t.test('an acknowledgement that falls behind an earlier one closes nothing', async (t) => {
  const { sender } = ends(2, 0);
  sender.send(10);
  sender.send(10);
  sender.acknowledge({ messages: 2, bytes: 20 });
  sender.acknowledge({ messages: 0, bytes: 0 });
  t.equal(sender.open, true);
});

t.test('each quarter of the window is acknowledged, in messages or in bytes', async (t) => {
  const { receiver } = ends(8, 400);
  t.equal(receiver.handle(1), undefined);
  t.same(receiver.handle(1), { messages: 2, bytes: 2 });
  t.same(receiver.handle(100), { messages: 3, bytes: 102 });
  t.equal(receiver.handle(99), undefined);
});
