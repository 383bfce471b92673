import t from 'tap';
import { Notifiers } from '../../src/host-end/notifiers.js';
import { PeerFixture } from '../session/fakes.js';

const body = { argsz: 20, flags: 0x24, index: 2, start: 0, count: 2 };

t.test('events by message are refused where not both sides do that', async (t) => {
  const { peer } = new PeerFixture();
  const notifiers = new Notifiers(peer);
  const refusal = (message: RegExp) => ({ code: 'VFU_REQUEST_REFUSED', message });
  const byMessage = { ...body, events: 2 };
  t.throws(
    () => notifiers.take(byMessage, []),
    refusal(/events by message, but not both sides named interrupt/),
  );
  t.throws(
    () => notifiers.take(body, []),
    refusal(/this connection carries no interrupts: use encoding=portable/),
    'descriptors that do not travel here',
  );
  t.strictSame(notifiers.take({ ...body, flags: 0x21, count: 0 }, []), []);
});

t.test('where events can come, a request may bring none', async (t) => {
  const { peer } = new PeerFixture({ interrupts: true });
  const notifiers = new Notifiers(peer);
  t.strictSame(notifiers.take(body, []), []);
  t.equal(notifiers.take({ ...body, events: 2 }, []).length, 2);
});
