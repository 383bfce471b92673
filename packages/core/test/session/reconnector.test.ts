import { mock } from 'node:test';
import t, { type Test } from 'tap';
import { Reconnector } from '../../src/session/reconnector.js';
import type { ResumableConnection } from '../../src/session/resumable-connection.js';

/** The part of a session that is looked at. */
const lost = { over: false, interruption: {}, abort() {} } as unknown as ResumableConnection;

/** When attempts begin, ms, each of which fails after so long. */
async function attempts(t: Test, count: number, takesMs: number): Promise<number[]> {
  let now = 0;
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(performance, 'now', () => now);
  mock.method(Math, 'random', () => 0);
  t.teardown(() => {
    mock.timers.reset();
    mock.restoreAll();
  });
  const begun: number[] = [];
  const failed = new Error('nobody is there');
  const attempt = async (): Promise<never> => {
    begun.push(now);
    await new Promise((resolve) => setTimeout(resolve, takesMs));
    throw failed;
  };
  const reconnector = new Reconnector(attempt, (error) => t.equal(error, failed, 'is reported'));
  reconnector.start(lost);
  while (begun.length < count) {
    now++;
    mock.timers.tick(1);
    await new Promise(setImmediate);
  }
  reconnector.end();
  return begun;
}

t.test('attempts that fail at once are made up to 2 s apart', async (t) => {
  const begun = await attempts(t, 9, 0);
  const apart = begun.map((ms, i) => Math.round((ms - (begun[i - 1] ?? 0)) / 50) * 50);
  t.same(apart, [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000]);
});

t.test('an attempt that takes longer is followed by the next at once', async (t) => {
  const begun = await attempts(t, 10, 3000);
  const last = begun.slice(-3);
  t.ok((last[2] ?? 0) - (last[0] ?? 0) < 6100, `${last}`);
});

t.test('a session that the server does not continue ends with the possible reasons', async (t) => {
  const reason = await new Promise<Error>((abort) => {
    const session = { over: false, interruption: {}, abort } as unknown as ResumableConnection;
    new Reconnector(
      async () => false,
      () => t.fail('no attempt has failed'),
    ).start(session);
  });
  t.match(reason, { code: 'VFU_PEER_CLOSED', message: /restarted.*given it up.*certificate/ });
});
