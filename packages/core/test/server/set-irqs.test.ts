import t from 'tap';
import { type NotifierContext, notifiersFor } from '../../src/server/requests/set-irqs.js';
import { noExtensions } from '../../src/session/extensions.js';

const body = { argsz: 20, flags: 0x24, index: 2, start: 0, count: 2 };

t.test('events by message are refused where not both sides do that', async (t) => {
  const peer = { extensions: noExtensions, connection: {} };
  const context = { peer } as unknown as NotifierContext;
  t.throws(() => notifiersFor(context, { ...body, events: 2 }, []), {
    code: 'VFU_REQUEST_REFUSED',
    message: /events by message, but not both sides named interrupt/,
  });
  t.strictSame(notifiersFor(context, body, []), [], 'none were asked for');
});
