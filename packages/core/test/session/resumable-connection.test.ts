import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import t from 'tap';
import { encodeLinkFrame, LinkFrameKind } from '../../src/protocol/portable/link-frames.js';
import { FakeLink } from './fake-links.js';
import { turn } from './fakes.js';
import { SessionPair, type SideName } from './session-pair.js';

const side = fc.constantFrom<SideName>('client', 'server');
const place = fc.nat(1000);

type Step = {
  readonly kind: string;
  readonly side: SideName;
  readonly at: number;
  readonly bytes: number;
};

/** Everything that can happen, in any order. */
const steps = (kinds: Readonly<Record<string, number>>): fc.Arbitrary<readonly Step[]> =>
  fc.array(
    fc.record({
      kind: fc.oneof(
        ...Object.entries(kinds).map(([kind, weight]) => ({
          weight,
          arbitrary: fc.constant(kind),
        })),
      ),
      side,
      at: place,
      bytes: fc.oneof(fc.nat(100), fc.nat(100_000)),
    }),
    { maxLength: 120, size: 'max' },
  );

const faults = {
  send: 10,
  deliver: 8,
  finish: 1,
  break: 2,
  notice: 3,
  ask: 3,
  answer: 4,
  take: 6,
  pause: 1,
  turn: 3,
};

async function run(pair: SessionPair, step: Step): Promise<void> {
  const { kind, at, bytes } = step;
  const end = pair[step.side];
  const link = pair.links[pair.links.length - 1 - (at % 3)]?.[step.side];
  const attempt = pair.attempts[pair.attempts.length - 1 - (at % 3)];
  switch (kind) {
    case 'send':
      return end.send(bytes, at / 1000);
    case 'deliver':
      return void link?.deliver(at % 12);
    case 'finish':
      return void link?.finish();
    case 'break':
      return void (at % 2 === 0 && link?.break());
    case 'notice':
      return void link?.notice();
    case 'ask':
      return pair.ask();
    case 'answer':
      return attempt && pair.answer(attempt);
    case 'take':
      if (attempt === undefined) return;
      return step.side === 'server' ? pair.takeOnServer(attempt) : pair.takeOnClient(attempt);
    case 'pause':
      end.paused = !end.paused;
      return end.paused ? end.connection.pause() : end.connection.resume();
    case 'turn':
      return turn();
    case 'close':
      end.left = true;
      return void end.connection.close();
    case 'abort':
      end.left = true;
      return end.connection.abort(new Error('enough'));
  }
}

/** Whether `numbers` are those of the first frames that were sent, in order and once each. */
function areTheFirst(numbers: readonly number[], sent: readonly number[]): boolean {
  return numbers.length <= sent.length && numbers.every((number, i) => number === i);
}

t.test('every frame arrives exactly once and in order, whatever becomes of the links', async () => {
  await fc.assert(
    fc.asyncProperty(steps(faults), async (steps) => {
      const pair = new SessionPair();
      for (const step of steps) {
        await run(pair, step);
        if (!areTheFirst(pair.server.received, pair.client.sent)) return false;
        if (!areTheFirst(pair.client.received, pair.server.sent)) return false;
      }
      await pair.settle();
      const { client, server } = pair;
      assert.equal(server.received.length, client.sent.length, 'to the server');
      assert.equal(client.received.length, server.sent.length, 'to the client');
      assert.deepEqual([client.waits, server.waits], [false, false], 'nobody waits for room');
      assert.deepEqual([client.closes, server.closes, client.ends, server.ends], [[], [], [], []]);
      await pair.end();
      assert.deepEqual([client.closes.length, server.closes.length], [1, 1]);
      return true;
    }),
    { numRuns: 300 },
  );
});

t.test(
  'a session that one side ends is over on both, once, and nothing arrives twice',
  async () => {
    const kinds = { ...faults, close: 1, abort: 1 };
    await fc.assert(
      fc.asyncProperty(steps(kinds), side, fc.boolean(), async (steps, last, closes) => {
        const pair = new SessionPair();
        for (const step of steps) await run(pair, step);
        await run(pair, { kind: closes ? 'close' : 'abort', side: last, at: 0, bytes: 0 });
        await pair.settle();
        await pair.end();
        await pair.settle();
        const { client, server } = pair;
        assert.ok(
          areTheFirst(server.received, client.sent) && areTheFirst(client.received, server.sent),
        );
        for (const { closes, ends } of [client, server]) {
          assert.deepEqual([closes.length, ends.length], [1, 1]);
          assert.equal(closes[0], ends[0], 'for the same reason');
        }
      }),
      { numRuns: 300 },
    );
  },
);

t.test('what the peer has handled is not kept, and not sent again', async (t) => {
  const pair = new SessionPair();
  const [link] = pair.links as [FakeLink];
  for (let i = 0; i < 300; i++) pair.client.send(10, 1);
  link.client.deliver(300);
  t.equal(link.server.waiting.length, 1, 'the server has told once, after 256 frames');
  link.server.deliver(1);
  link.client.break();
  await pair.settle();
  t.match(pair.client.continuations, [{ resentFrames: 0 }], 'all 300 were handled');
  pair.client.send(10, 1);
  pair.links.at(-1)?.client.break();
  await pair.settle();
  t.match(pair.client.continuations, [{ resentFrames: 0 }, { resentFrames: 1 }]);
  t.equal(pair.server.received.length, 301);
  await pair.end();
});

t.test('frames that are sent when the session goes on do not count as sent again', async (t) => {
  const pair = new SessionPair();
  Object.assign(pair.client, { onContinued: () => pair.client.send(10, 1) });
  pair.client.send(10, 1);
  pair.links[0]?.client.break();
  await pair.settle();
  t.match(pair.client.continuations, [{ resentFrames: 1 }]);
  t.strictSame(pair.server.received, [0, 1]);
  await pair.end();
});

t.test('frames that waited for the link do not count as sent again', async (t) => {
  const pair = new SessionPair();
  const send = (): void => pair.client.send(10, 1);
  send();
  send();
  pair.links[0]?.client.deliver(1);
  pair.links[0]?.client.break();
  pair.links[0]?.client.notice();
  await turn();
  send();
  send();
  send();
  await pair.settle();
  t.match(pair.client.continuations, [{ resentFrames: 1 }]);
  t.strictSame(pair.server.received, [0, 1, 2, 3, 4]);
  await pair.end();
});

t.test('a peer that never tells what it handled ends its session, within the bound', async (t) => {
  const pair = new SessionPair(1000);
  const [link] = pair.links as [FakeLink];
  link.client.break();
  for (let i = 0; i < 100 && !pair.client.connection.over; i++) pair.client.send(84, 1);
  t.equal(pair.client.sent.length, 11, 'ten of 100 bytes fit');
  await turn();
  link.client.end(undefined);
  await turn();
  t.match(pair.client.closes, [
    { message: 'the server leaves 1000 bytes unhandled: session ended' },
  ]);
  await pair.end();
});

t.test('numbers that cannot be end the session', async (t) => {
  const frames = {
    'handled more than was sent': encodeLinkFrame(LinkFrameKind.HANDLED, 0, 3),
    'handled fewer than before': encodeLinkFrame(LinkFrameKind.KEEP_ALIVE, 0, 0),
    'too short': Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0),
  };
  for (const [name, bytes] of Object.entries(frames)) {
    const pair = new SessionPair();
    const [link] = pair.links as [FakeLink];
    for (let i = 0; i < 2; i++) pair.client.send(10, 1);
    link.server.send(encodeLinkFrame(LinkFrameKind.HANDLED, 0, 1));
    link.server.send(bytes);
    link.server.deliver(2);
    await turn();
    t.match(pair.client.closes, [{ code: 'VFU_PROTOCOL_VIOLATION' }], name);
    await pair.end();
  }
});

t.test('a server whose preface says an impossible number has lost the session', async (t) => {
  const pair = new SessionPair();
  pair.client.send(10, 1);
  pair.links[0]?.client.break();
  pair.links[0]?.client.notice();
  await turn();
  const { connection, closes } = pair.client;
  t.throws(() => connection.attach(new FakeLink().client, 2), { code: 'VFU_PROTOCOL_VIOLATION' });
  await turn();
  t.match(closes, [{ message: /handled 2 messages, which cannot be/ }]);
  await pair.end();
});

t.test('an orderly end is not held, and kinds that are not known are ignored', async (t) => {
  const pair = new SessionPair();
  const [link] = pair.links as [FakeLink];
  link.client.send(encodeLinkFrame(99 as LinkFrameKind, 5, 0));
  pair.client.send(10, 1);
  void pair.client.connection.close();
  link.client.deliver(3);
  link.client.finish();
  await turn();
  t.strictSame(pair.server.received, [0]);
  t.strictSame([pair.server.closes, pair.client.closes], [[undefined], [undefined]]);
});
