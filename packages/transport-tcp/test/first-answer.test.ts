import t from 'tap';
import { firstAnswer, inTurns } from '../src/network/first-answer.js';

/** Longer than any test. */
const NEVER = 2 ** 30;

/** Attempts that a test settles one by one. */
class Attempts {
  readonly asked: string[] = [];
  readonly closed: string[] = [];
  readonly #settle = new Map<
    string,
    { resolve: (ip: string) => void; reject: (e: Error) => void }
  >();
  readonly #signals = new Map<string, AbortSignal>();

  readonly options = {
    connect: (ip: string, signal: AbortSignal) => {
      this.asked.push(ip);
      this.#signals.set(ip, signal);
      return new Promise<string>((resolve, reject) => this.#settle.set(ip, { resolve, reject }));
    },
    close: (ip: string) => void this.closed.push(ip),
  };

  async asks(ip: string): Promise<void> {
    while (!this.asked.includes(ip)) await new Promise(setImmediate);
  }

  answer(ip: string): void {
    this.#settle.get(ip)?.resolve(ip);
  }

  fail(ip: string): void {
    this.#settle.get(ip)?.reject(new Error(`${ip} is dead`));
  }

  isGivenUp(ip: string): boolean | undefined {
    return this.#signals.get(ip)?.aborted;
  }
}

t.test('families take turns, the first one begins', async (t) => {
  t.strictSame(inTurns(['::1', '::2', '::3', '1.1.1.1', '2.2.2.2']), [
    '::1',
    '1.1.1.1',
    '::2',
    '2.2.2.2',
    '::3',
  ]);
  t.strictSame(inTurns(['1.1.1.1', 'fe80::1%lo', '2.2.2.2']), ['1.1.1.1', 'fe80::1%lo', '2.2.2.2']);
  t.strictSame(inTurns([]), []);
});

t.test('an address that does not answer holds the next one up for a while only', async (t) => {
  const attempts = new Attempts();
  const answer = firstAnswer(['dead', 'alive'], { ...attempts.options, delayMs: 1 });
  await attempts.asks('alive');
  t.equal(attempts.isGivenUp('dead'), false, 'it may still answer');
  attempts.answer('alive');
  t.strictSame(await answer, { socket: 'alive' });
  t.equal(attempts.isGivenUp('dead'), true);
  attempts.answer('dead');
  await new Promise(setImmediate);
  t.strictSame(attempts.closed, ['dead'], 'one that comes too late is closed');
});

t.test('after a failure the next one is tried at once, and all of them are told', async (t) => {
  const attempts = new Attempts();
  const answer = firstAnswer(['a', 'b', 'c'], { ...attempts.options, delayMs: NEVER });
  t.strictSame(attempts.asked, ['a']);
  attempts.fail('a');
  await attempts.asks('b');
  t.strictSame(attempts.asked, ['a', 'b']);
  attempts.fail('b');
  await attempts.asks('c');
  attempts.fail('c');
  t.match(await answer, {
    failed: ['a', 'b', 'c'].map((ip) => ({ ip, error: { message: `${ip} is dead` } })),
  });
});

t.test('whoever answers while others are awaited is taken', async (t) => {
  const attempts = new Attempts();
  const answer = firstAnswer(['slow', 'dead'], { ...attempts.options, delayMs: 1 });
  await attempts.asks('dead');
  attempts.fail('dead');
  await new Promise(setImmediate);
  attempts.answer('slow');
  t.strictSame(await answer, { socket: 'slow' });
});

t.test('nothing is tried any more once the caller gave up', async (t) => {
  const attempts = new Attempts();
  const giveUp = new AbortController();
  const answer = firstAnswer(['a', 'b'], {
    ...attempts.options,
    signal: giveUp.signal,
    delayMs: NEVER,
  });
  giveUp.abort();
  t.equal(attempts.isGivenUp('a'), true);
  attempts.fail('a');
  t.match(await answer, { failed: [{ ip: 'a' }] });
  t.strictSame(attempts.asked, ['a']);
  t.strictSame(await firstAnswer([], attempts.options), { failed: [] });
});
