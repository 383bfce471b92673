import { mock } from 'node:test';
import t from 'tap';
import { EBUSY, EINVAL } from '../../src/errno.js';
import { RequestRefusedError } from '../../src/errors.js';
import { ClientNegotiation } from '../../src/host-end/client-negotiation.js';
import type { AgreedLimits } from '../../src/host-end/dma-map-handler.js';
import { defaultLimits } from '../../src/host-end/limits.js';
import { silentLogger } from '../../src/logger.js';
import { OWN_CAPABILITIES } from '../../src/protocol/capabilities.js';
import { Command } from '../../src/protocol/enums.js';
import type { Version } from '../../src/protocol/messages.js';
import { accept, offer } from '../../src/protocol/version.js';
import { FakeDescriptor, PeerFixture } from '../session/fakes.js';

t.before(() => mock.timers.enable({ apis: ['setTimeout'] }));
t.teardown(() => mock.timers.reset());

const VERSION = { command: Command.VERSION, id: 9 };
const limits = { ...defaultLimits, maxDataXferSize: 8192, maxMsgFds: 3, negotiationTimeoutMs: 500 };

/** `answer`: what becomes of a VERSION that can be agreed to. */
function open(answer = (negotiation: ClientNegotiation): void => negotiation.accept()) {
  const agreed: AgreedLimits[] = [];
  const fixture: PeerFixture = new PeerFixture(
    {},
    {
      onRequest: (request, received) => negotiation.onRequest(request, received),
      onMalformedRequest: () => negotiation.turnDown(),
    },
  );
  const { peer, connection } = fixture;
  const onVersion = (): void => answer(negotiation);
  const onAgreed = (limits_: AgreedLimits): void => void agreed.push(limits_);
  const options = { peer, limits, logger: silentLogger, onVersion, onAgreed };
  const negotiation: ClientNegotiation = new ClientNegotiation(options);
  const ask = (body: Version): void => void fixture.receive(Command.VERSION, body, { id: 9 });
  return { fixture, negotiation, connection, agreed, ask };
}

t.test('a client that says VERSION is served, and told the limits', async (t) => {
  const { negotiation, connection, agreed, ask } = open();
  negotiation.start();
  t.equal(negotiation.client, undefined);
  ask(offer({ ...OWN_CAPABILITIES, maxDataXferSize: 4096 }));
  t.match(connection.sent, [{ kind: 'reply', ...VERSION }]);
  const [reply] = connection.sent;
  if (reply?.kind !== 'reply' || reply.command !== Command.VERSION) throw new Error('no reply');
  t.match(accept(reply.body).peer, { maxDataXferSize: 8192, maxMsgFds: 3 });
  t.match(negotiation.client, { maxDataXferSize: 4096 });
  t.strictSame(agreed, [{ maxDmaMaps: limits.maxDmaMaps, clientMaxDataXferSize: 4096 }]);
  mock.timers.tick(1000);
  t.equal(connection.aborted, undefined, 'it may take its time from now on');
});

t.test('a client that says nothing is cut off after a time', async (t) => {
  const { negotiation, connection } = open();
  mock.timers.tick(1000);
  negotiation.start();
  mock.timers.tick(499);
  t.equal(connection.aborted, undefined);
  mock.timers.tick(1);
  t.match(connection.aborted, { code: 'VFU_TIMEOUT', message: /no VERSION within 0.5 s/ });
});

t.test('a client whose time was over when it left is not cut off again', async (t) => {
  const { negotiation, connection } = open();
  negotiation.start();
  negotiation.end();
  mock.timers.tick(1000);
  t.equal(connection.aborted, undefined);
});

t.test('anything else that comes first is answered, and the connection closed', async (t) => {
  const other = open();
  other.negotiation.start();
  other.fixture.receive(Command.DEVICE_RESET, undefined, { id: 9 });
  t.match(other.connection.sent, [{ kind: 'error', command: Command.DEVICE_RESET, errno: EINVAL }]);
  t.equal(other.connection.closes, 1);

  const wrong = open();
  wrong.negotiation.start();
  wrong.ask({ major: 7, minor: 0, capabilities: undefined });
  t.match(wrong.connection.sent, [{ kind: 'error', ...VERSION, errno: EINVAL, text: /7\.0/ }]);
  t.equal(wrong.connection.closes, 1);

  const nonsense = open();
  nonsense.negotiation.start();
  nonsense.fixture.receiveBytes(Buffer.from('090000000100000000', 'hex'));
  t.equal(nonsense.connection.closes, 1);
  for (const { negotiation } of [other, wrong, nonsense]) t.equal(negotiation.client, undefined);
});

t.test('descriptors do not belong to VERSION', async (t) => {
  const { negotiation, connection } = open();
  negotiation.start();
  const body = offer(OWN_CAPABILITIES);
  const request = { kind: 'request', ...VERSION, noReply: false, body } as const;
  negotiation.onRequest(request, [new FakeDescriptor()]);
  t.match(connection.sent, [{ kind: 'error', errno: EINVAL, text: /descriptors/ }]);
});

t.test('a client that is to be turned away learns why when it speaks', async (t) => {
  const { negotiation, connection, ask } = open((asking) =>
    asking.refuse(new RequestRefusedError(EBUSY, 'the device serves another client')),
  );
  negotiation.start();
  t.same(connection.sent, []);
  ask(offer(OWN_CAPABILITIES));
  t.match(connection.sent, [{ kind: 'error', ...VERSION, errno: EBUSY, text: /another client/ }]);
  t.equal(connection.closes, 1);
  ask(offer(OWN_CAPABILITIES));
  t.equal(connection.sent.length, 1, 'once is enough');
});

t.test('VERSION may be answered later, with other limits', async (t) => {
  const { negotiation, connection, ask } = open(() => {});
  negotiation.start();
  ask(offer(OWN_CAPABILITIES));
  t.same(connection.sent, []);
  mock.timers.tick(1000);
  t.equal(connection.aborted, undefined, 'it has said what it is');
  negotiation.accept({ ...limits, maxDmaMaps: 7 });
  const [reply] = connection.sent;
  if (reply?.kind !== 'reply' || reply.command !== Command.VERSION) throw new Error('no reply');
  t.match(accept(reply.body).peer, { maxDmaMaps: 7, maxMsgFds: 3 });
  negotiation.refuse(new RequestRefusedError(EBUSY, 'too late'));
  t.equal(connection.sent.length, 1, 'it is answered once');
});

t.test('what comes while VERSION waits for its answer ends the connection at once', async (t) => {
  for (const speak of ['a request', 'nonsense'] as const) {
    const { negotiation, connection, fixture, ask } = open(() => {});
    negotiation.start();
    ask(offer(OWN_CAPABILITIES));
    if (speak === 'a request') fixture.receive(Command.DEVICE_RESET, undefined, { id: 10 });
    else fixture.receiveBytes(Buffer.from('090000000100000000', 'hex'));
    t.match(connection.aborted, { code: 'VFU_PROTOCOL_VIOLATION' }, speak);
    negotiation.accept();
    t.equal(negotiation.client, undefined);
  }
});

t.test('a client that left while it waited is not agreed with', async (t) => {
  const { negotiation, connection, fixture, ask } = open(() => {});
  negotiation.start();
  ask(offer(OWN_CAPABILITIES));
  fixture.end();
  negotiation.accept();
  t.equal(negotiation.client, undefined);
  t.same(connection.sent, []);
});
