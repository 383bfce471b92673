import fc from 'fast-check';
import t from 'tap';
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

t.test(
  'every frame arrives exactly once and in order, whatever becomes of the links',
  async (t) => {
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
        t.equal(server.received.length, client.sent.length, 'to the server');
        t.equal(client.received.length, server.sent.length, 'to the client');
        t.strictSame([client.waits, server.waits], [false, false], 'nobody waits for room');
        t.strictSame([client.closes, server.closes, client.ends, server.ends], [[], [], [], []]);
        pair.end();
        await turn();
        t.strictSame([client.closes.length, server.closes.length], [1, 1]);
        return true;
      }),
      { numRuns: 300 },
    );
  },
);

t.test(
  'a session that one side ends is over on both, once, and nothing arrives twice',
  async (t) => {
    const kinds = { ...faults, close: 1, abort: 1 };
    await fc.assert(
      fc.asyncProperty(steps(kinds), side, fc.boolean(), async (steps, last, closes) => {
        const pair = new SessionPair();
        for (const step of steps) await run(pair, step);
        await run(pair, { kind: closes ? 'close' : 'abort', side: last, at: 0, bytes: 0 });
        await pair.settle();
        pair.end();
        await pair.settle();
        const { client, server } = pair;
        t.ok(
          areTheFirst(server.received, client.sent) && areTheFirst(client.received, server.sent),
        );
        for (const { closes, ends } of [client, server]) {
          t.strictSame([closes.length, ends.length], [1, 1]);
          t.equal(closes[0], ends[0], 'for the same reason');
        }
      }),
      { numRuns: 300 },
    );
  },
);
