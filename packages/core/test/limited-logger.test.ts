import t from 'tap';
import { LimitedLogger } from '../src/limited-logger.js';
import type { LogFields, Logger } from '../src/logger.js';

/** Never over in a test: the count is told by `flush`. */
const periodMs = 2 ** 30;

function recorder() {
  const lines: { level: string; fields: LogFields; message: string }[] = [];
  const at = (level: string) => (fields: LogFields, message: string) =>
    void lines.push({ level, fields, message });
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return { logger, lines, messages: () => lines.splice(0).map(({ message }) => message) };
}

t.test('of each kind a burst is written, the rest is counted', async (t) => {
  const { logger, lines, messages } = recorder();
  const limited = LimitedLogger.over(logger, { burst: 3, periodMs });
  for (let at = 0; at < 100_000; at++) limited.warn({ at }, 'too much');
  limited.info({}, 'something else');
  t.strictSame(messages(), ['too much', 'too much', 'too much', 'something else']);
  limited.flush();
  t.strictSame(lines, [
    { level: 'warn', fields: { at: 99_999, more: 99_997 }, message: 'too much (99997 more)' },
  ]);
});

t.test(
  'a kind that goes on is told once a period, and written again when it became rare',
  async (t) => {
    const { logger, messages } = recorder();
    const limited = LimitedLogger.over(logger, { burst: 2, periodMs });
    const log = (count: number): void => {
      for (let at = 0; at < count; at++) limited.error({}, 'again');
    };
    log(5);
    t.strictSame(messages(), ['again', 'again']);
    limited.flush();
    log(5);
    t.strictSame(messages(), ['again (3 more)']);
    limited.flush();
    log(1);
    t.strictSame(messages(), ['again (5 more)']);
    limited.flush();
    log(1);
    t.strictSame(messages(), ['again (1 more)', 'again']);
    limited.flush();
    limited.flush();
    t.strictSame(messages(), []);
  },
);

t.test('the count is told when the period is over', async (t) => {
  const { logger, lines } = recorder();
  const told = new Promise<string>((resolve) => {
    logger.info = (_fields, message) => void (message.includes('more') && resolve(message));
  });
  const limited = LimitedLogger.over(logger, { burst: 1, periodMs: 1 });
  // The period does not keep the process alive.
  const alive = setInterval(() => {}, 1000);
  t.teardown(() => clearInterval(alive));
  limited.info({}, 'hello');
  limited.info({}, 'hello');
  t.equal(await told, 'hello (1 more)');
  t.strictSame(lines, []);
});

t.test('messages that somebody makes up share a count', async (t) => {
  const { logger, lines } = recorder();
  const limited = LimitedLogger.over(logger, { burst: 3, periodMs });
  for (let at = 0; at < 10_000; at++) limited.warn({}, `made up ${at}`);
  t.ok(lines.length < 500, `${lines.length} lines`);
});

t.test('all clients of a server count together, each with its own fields', async (t) => {
  const { logger, lines } = recorder();
  const limited = LimitedLogger.over(logger, { burst: 2, periodMs });
  for (const peer of ['a', 'b', 'c']) {
    limited.child({ peer }).child({ side: 'near' }).info({ peer, at: 1 }, 'client connected');
  }
  limited.flush();
  t.strictSame(
    lines.map(({ fields, message }) => [message, fields]),
    [
      ['client connected', { peer: 'a', side: 'near', at: 1 }],
      ['client connected', { peer: 'b', side: 'near', at: 1 }],
      ['client connected (1 more)', { peer: 'c', side: 'near', at: 1, more: 1 }],
    ],
  );
});

t.test('debug lines were asked for', async (t) => {
  const { logger, lines } = recorder();
  const limited = LimitedLogger.over(logger, { burst: 1, periodMs }).child({ peer: 'a' });
  for (let at = 0; at < 100; at++) limited.debug({}, 'a detail');
  t.equal(lines.length, 100);
  t.strictSame(lines[0], { level: 'debug', fields: { peer: 'a' }, message: 'a detail' });
});
