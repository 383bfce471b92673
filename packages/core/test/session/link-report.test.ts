import t from 'tap';
import { diagnostics, type LinkChange } from '../../src/diagnostics/channels.js';
import type { Logger } from '../../src/logger.js';
import { LinkReport } from '../../src/session/link-report.js';

const client = { peer: '192.0.2.1:5' };
const device = { device: 'tcp://x:1' };
const reason = new Error('reset');

/** A logger that keeps its lines, level and message included. */
function recorder(): { readonly lines: object[]; readonly logger: Logger } {
  const lines: object[] = [];
  const at = (level: string) => (fields: object, msg: string) =>
    void lines.push({ level, msg, ...fields });
  const [debug, info, warn, error] = ['debug', 'info', 'warn', 'error'].map(at) as [
    Logger['debug'],
    Logger['info'],
    Logger['warn'],
    Logger['error'],
  ];
  const logger: Logger = { debug, info, warn, error, child: () => logger };
  return { lines, logger };
}

t.test('a link that is lost and back is one line each, with its figures', async (t) => {
  const { lines, logger } = recorder();
  const report = new LinkReport();
  report.lost(logger, client, reason, 60_000);
  report.continued(logger, client, { gapMs: 1234.5, resentFrames: 7 });
  report.lost(logger, device, reason, 500);
  const loss = { level: 'warn', msg: 'the link is lost, the session is kept', reason: 'reset' };
  t.strictSame(lines, [
    { ...loss, ...client, holdSeconds: 60 },
    {
      ...{ level: 'info', msg: 'the link is back, the session goes on' },
      ...{ ...client, seconds: 1.235, framesSentAgain: 7 },
    },
    { ...loss, ...device, holdSeconds: 0.5 },
  ]);
});

t.test('it counts what is held, lost, resumed, sent again, and the longest gap', async (t) => {
  const { logger } = recorder();
  const report = new LinkReport();
  const lose = (about: typeof client | typeof device) => report.lost(logger, about, reason, 1000);
  lose(client);
  lose(device);
  const both = { heldSessions: 2, linkInterruptions: 2, resumes: 0, framesSentAgain: 0 };
  t.strictSame(report.statistics, { ...both, longestGapMs: 0 });
  report.continued(logger, client, { gapMs: 90, resentFrames: 2 });
  report.givenUp(device, reason);
  lose(client);
  report.continued(logger, client, { gapMs: 20, resentFrames: 3 });
  const counts = { heldSessions: 0, linkInterruptions: 3, resumes: 2, framesSentAgain: 5 };
  t.strictSame(report.statistics, { ...counts, longestGapMs: 90 });
});

t.test('it publishes what becomes of the link of a session', async (t) => {
  const heard: LinkChange[] = [];
  const onLink = (change: LinkChange): void => void heard.push(change);
  diagnostics.link.subscribe(onLink);
  t.teardown(() => diagnostics.link.unsubscribe(onLink));
  const { logger } = recorder();
  const report = new LinkReport();
  report.lost(logger, client, reason, 1000);
  report.continued(logger, client, { gapMs: 90, resentFrames: 2 });
  report.lost(logger, device, reason, 1000);
  report.givenUp(device, undefined);
  t.strictSame(heard, [
    { event: 'interrupted', ...client, error: reason },
    { event: 'continued', ...client, gapMs: 90, framesSentAgain: 2 },
    { event: 'interrupted', peer: 'tcp://x:1', error: reason },
    { event: 'given-up', peer: 'tcp://x:1', error: undefined },
  ]);
});
