import fc from 'fast-check';
import t from 'tap';
import { InterruptMessages } from '../../src/host-end/interrupt-messages.js';
import { ExtensionCommand } from '../../src/protocol/enums.js';
import type { Interrupt } from '../../src/protocol/messages.js';
import { PeerFixture, turn } from '../session/fakes.js';

const { INTERRUPT } = ExtensionCommand;

function open(windowMessages = 0) {
  const fixture = new PeerFixture({ windowMessages });
  const interrupts = new InterruptMessages(fixture.peer);
  const sent = (): Interrupt[] =>
    fixture.connection.requests(INTERRUPT).map(({ body }) => ({ ...body }));
  return { fixture, interrupts, sent };
}

t.test('each signal is a message while there is room', async (t) => {
  const { interrupts, sent } = open();
  const notifiers = interrupts.notifiers(2, 5, 3);
  notifiers[2]?.signal();
  notifiers[0]?.signal();
  notifiers[0]?.signal(4);
  t.same(sent(), [
    { index: 2, vector: 7, count: 1 },
    { index: 2, vector: 5, count: 1 },
    { index: 2, vector: 5, count: 4 },
  ]);
});

t.test('signals that find no room are counted, and sent when there is', async (t) => {
  const { fixture, interrupts, sent } = open();
  const [zero, one] = interrupts.notifiers(2, 0, 2);
  const [error] = interrupts.notifiers(3, 0, 1);
  fixture.connection.hasRoom = false;
  zero?.signal();
  for (let i = 0; i < 1000; i++) zero?.signal();
  one?.signal();
  error?.signal();
  t.equal(sent().length, 1, 'the one that filled the queue');
  fixture.drain();
  await turn();
  t.same(sent().slice(1), [
    { index: 2, vector: 0, count: 1000 },
    { index: 2, vector: 1, count: 1 },
    { index: 3, vector: 0, count: 1 },
  ]);
});

t.test('no signal is lost or made up, however the client reads', async (t) => {
  const step = fc.oneof(
    fc.record({ vector: fc.nat(3), count: fc.integer({ min: 1, max: 5 }) }),
    fc.constantFrom<'fill' | 'drain' | 'acknowledge'>('fill', 'drain', 'acknowledge'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { fixture, interrupts, sent } = open(3);
      const notifiers = interrupts.notifiers(2, 0, 4);
      const signalled = [0, 0, 0, 0];
      const acknowledge = (): void => {
        const bytes = fixture.connection.sentBytes.reduce((sum, size) => sum + size, 0);
        const body = { messages: sent().length, bytes };
        fixture.receive(ExtensionCommand.ACKNOWLEDGE, body, { noReply: true });
      };
      for (const step of steps) {
        if (step === 'fill') fixture.connection.hasRoom = false;
        else if (step === 'drain') fixture.drain();
        else if (step === 'acknowledge') acknowledge();
        else {
          notifiers[step.vector]?.signal(step.count);
          signalled[step.vector] = (signalled[step.vector] ?? 0) + step.count;
        }
        await turn();
      }
      for (let i = 0; i < 5; i++) {
        fixture.drain();
        acknowledge();
        await turn();
      }
      const arrived = [0, 0, 0, 0];
      for (const { vector, count } of sent()) arrived[vector] = (arrived[vector] ?? 0) + count;
      return JSON.stringify(arrived) === JSON.stringify(signalled);
    }),
    { numRuns: 100 },
  );
  t.pass();
});

t.test('a count that would not fit into the message stops growing', async (t) => {
  const { fixture, interrupts, sent } = open();
  const [notifier] = interrupts.notifiers(2, 0, 1);
  fixture.connection.hasRoom = false;
  for (let i = 0; i < 3; i++) notifier?.signal(0xffff_ffff);
  fixture.drain();
  await turn();
  t.same(sent().at(-1), { index: 2, vector: 0, count: 0xffff_ffff });
});

t.test('a vector that was taken back, or whose client is gone, says nothing', async (t) => {
  const { fixture, interrupts, sent } = open();
  const [zero, one] = interrupts.notifiers(2, 0, 2);
  fixture.connection.hasRoom = false;
  one?.signal();
  zero?.signal();
  zero?.close();
  zero?.signal();
  fixture.drain();
  await turn();
  t.same(sent(), [{ index: 2, vector: 1, count: 1 }]);
  fixture.end();
  one?.signal();
  t.equal(sent().length, 1);
});

t.test('what waits for room outlives a notifier that another one replaces', async (t) => {
  const { fixture, interrupts, sent } = open();
  const [first] = interrupts.notifiers(2, 0, 1);
  fixture.connection.hasRoom = false;
  first?.signal();
  first?.signal(3);
  const [second] = interrupts.notifiers(2, 0, 1);
  first?.close();
  first?.close();
  const [refused] = interrupts.notifiers(2, 0, 1);
  refused?.close();
  second?.signal();
  fixture.drain();
  await turn();
  t.same(sent()[1], { index: 2, vector: 0, count: 4 });
  fixture.connection.hasRoom = false;
  second?.signal();
  second?.signal();
  second?.close();
  fixture.drain();
  await turn();
  t.equal(sent().length, 3, 'what a vector counted that was taken back is forgotten');
});
