import t from 'tap';
import { InterruptMessages } from '../../src/host-end/interrupt-messages.js';
import { notifiersFor } from '../../src/host-end/set-irqs.js';
import { PeerFixture } from '../session/fakes.js';

const body = { argsz: 20, flags: 0x24, index: 2, start: 0, count: 2 };

t.test('events by message are refused where not both sides do that', async (t) => {
  const { peer } = new PeerFixture();
  const context = { peer, interruptMessages: new InterruptMessages(peer) };
  const refusal = (message: RegExp) => ({ code: 'VFU_REQUEST_REFUSED', message });
  const byMessage = { ...body, events: 2 };
  t.throws(
    () => notifiersFor(context, byMessage, []),
    refusal(/events by message, but not both sides named interrupt/),
  );
  t.throws(
    () => notifiersFor(context, body, []),
    refusal(/this connection carries no interrupts: use encoding=portable/),
    'descriptors that do not travel here',
  );
  t.strictSame(notifiersFor(context, { ...body, flags: 0x21, count: 0 }, []), []);
});

t.test('where events can come, a request may bring none', async (t) => {
  const { peer } = new PeerFixture({ interrupts: true });
  const context = { peer, interruptMessages: new InterruptMessages(peer) };
  t.strictSame(notifiersFor(context, body, []), []);
  t.equal(notifiersFor(context, { ...body, events: 2 }, []).length, 2);
});
