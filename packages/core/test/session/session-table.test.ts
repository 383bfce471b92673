import fc from 'fast-check';
import t from 'tap';
import type { Preface } from '../../src/protocol/portable/preface.js';
import { ResumableConnection } from '../../src/session/resumable-connection.js';
import { SessionTable } from '../../src/session/session-table.js';
import type { PeerIdentity } from '../../src/transport/transport.js';
import { LinkEnd } from './fake-links.js';
import { turn } from './fakes.js';

const ID = Uint8Array.from({ length: 16 }, (_, i) => i);

/** A session that began over a connection of `identity`, and the preface of its client. */
function begin(identity?: PeerIdentity) {
  const link = Object.assign(new LinkEnd('the client'), { identity });
  const table = new SessionTable();
  const session: ResumableConnection = new ResumableConnection(link, {
    id: ID,
    maxKeptBytes: 1000,
    ownSilenceMs: 0,
    peerSilenceMs: 0,
    events: { onLost() {}, onContinued() {}, onEnd: () => table.delete(session) },
  });
  link.sink = session.begin({ onFrame() {}, onDrain() {}, onClose() {} });
  session.hold(60_000);
  table.add(session);
  return { table, session, link };
}

function preface(rest: Partial<Preface> = {}): Preface {
  const limits = {
    maxFrameBytes: 2 ** 20,
    maxRecordBytes: 2 ** 16,
    maxPushBytes: 0,
    maxPushRules: 0,
    windowMessages: 0,
    windowBytes: 0,
    silenceMs: 0,
  };
  const first = { major: 1, minor: 1, session: ID, handled: 0, capabilities: ['resume'], limits };
  return { ...first, ...rest };
}

t.test('a forged, stale or incomplete preface takes up nothing and disturbs nobody', async (t) => {
  const wrong: Record<string, Preface> = {
    'another id': preface({ session: ID.map((byte) => byte ^ 1) }),
    zeros: preface({ session: new Uint8Array(16) }),
    'no number': preface({ handled: undefined }),
    'more than was sent': preface({ handled: 1 }),
    'version 1.0': preface({ minor: 0 }),
    'without the capability': preface({ capabilities: ['keep-alive'] }),
  };
  for (const [name, bad] of Object.entries(wrong)) {
    const { table, session, link } = begin();
    t.equal(table.offer(bad, undefined), undefined, name);
    t.equal(session.interruption, undefined, 'the session has its link');
    t.equal(link.ended, false);
    t.match(table.offer(preface(), undefined), { session, peerHandled: 0 });
    t.equal(link.ended, true, 'which is given up for its own client');
    session.abort(new Error('over'));
  }
});

t.test('only who proves the certificate of the first connection takes a session up', async (t) => {
  const mine = { certificate: 'aa', address: '10.0.0.1' };
  const others: readonly (PeerIdentity | undefined)[] = [
    undefined,
    { address: '10.0.0.1' },
    { certificate: 'bb', address: '10.0.0.1' },
  ];
  const { table, session } = begin(mine);
  for (const other of others) t.equal(table.offer(preface(), other), undefined);
  t.equal(session.interruption, undefined);
  t.ok(table.offer(preface(), { certificate: 'aa', address: '10.0.0.2' }), 'from anywhere');
  session.abort(new Error('over'));

  const plain = begin({ address: '10.0.0.1' });
  t.equal(plain.table.offer(preface(), mine), undefined, 'it began without one');
  plain.session.abort(new Error('over'));
});

t.test('a preface that is replayed takes nothing up, whatever came between', async (t) => {
  const { table, session } = begin();
  const attempts = Array.from({ length: 3 }, (_, i) => new Uint8Array(8).fill(i));
  for (const attempt of attempts) t.ok(table.offer(preface({ attempt }), undefined));
  for (const attempt of attempts) {
    t.equal(table.offer(preface({ attempt }), undefined), undefined, 'again');
  }
  const impossible = preface({ attempt: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9), handled: 7 });
  t.equal(table.offer(impossible, undefined), undefined);
  t.ok(table.offer({ ...impossible, handled: 0 }, undefined), 'one that took nothing up may come');
  session.abort(new Error('over'));
});

t.test('a session that has ended is forgotten', async (t) => {
  const { table, session, link } = begin();
  t.equal(table.size, 1);
  session.abort(new Error('over'));
  link.end(undefined);
  await turn();
  await turn();
  t.equal(table.size, 0);
  t.equal(table.offer(preface(), undefined), undefined);
});

t.test('whatever a preface says, only the right one takes the session up', async () => {
  const id = fc.oneof(
    fc.constant(ID),
    fc
      .nat(127)
      .map((bit) => ID.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  const handled = fc.option(fc.oneof(fc.nat(12), fc.maxSafeNat()), { nil: undefined });
  const capabilities = fc.subarray(['resume', 'keep-alive', 'acknowledge']);
  const certificate = fc.constantFrom('aa', 'bb', undefined);
  const prefaces = fc.record({ session: id, handled, minor: fc.nat(2), capabilities });
  fc.assert(
    fc.property(prefaces, certificate, fc.nat(9), fc.nat(9), (rest, proved, some, more) => {
      const { table, session } = begin({ certificate: 'aa' });
      const [told, sent] = [some, some + more];
      for (let i = 0; i < sent; i++) session.send(Uint8Array.of(9, 0, 0, 0, 1, 0, 0, 0, 0x80));
      session.onHandled(told);
      const { handled = -1 } = rest;
      const isRight =
        Buffer.compare(rest.session, ID) === 0 &&
        rest.minor >= 1 &&
        rest.capabilities.includes('resume') &&
        proved === 'aa' &&
        handled >= told &&
        handled <= sent;
      const offer = table.offer(preface(rest), { certificate: proved });
      const isDisturbed = session.interruption !== undefined || session.over;
      session.abort(new Error('over'));
      return (offer !== undefined) === isRight && isDisturbed === isRight;
    }),
    { numRuns: 2000 },
  );
});
