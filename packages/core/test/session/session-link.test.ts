import { mock } from 'node:test';
import fc from 'fast-check';
import t from 'tap';
import { VfioUserError } from '../../src/errors.js';
import { encodeLinkFrame, LinkFrameKind } from '../../src/protocol/portable/link-frames.js';
import { frameOf } from '../protocol/wire.js';
import { FakeSession, message } from './fake-link.js';

t.before(() => mock.timers.enable({ apis: ['setInterval', 'setTimeout'] }));
t.teardown(() => mock.timers.reset());

const { KEEP_ALIVE, KEEP_ALIVE_REPLY, HANDLED } = LinkFrameKind;
const told = (kind: LinkFrameKind, value: number, handled = 0) =>
  frameOf(encodeLinkFrame(kind, value, handled));

t.test(
  'signs of life that are asked for do not pile up for a peer that does not read',
  async (t) => {
    const { link, sink } = new FakeSession();
    sink.onFrame(told(KEEP_ALIVE, 1));
    link.hasRoom = false;
    for (let nonce = 2; nonce < 10_000; nonce++) sink.onFrame(told(KEEP_ALIVE, nonce));
    t.same(link.valuesOf(KEEP_ALIVE_REPLY), [1, 2], 'until the queue is full');
    link.hasRoom = true;
    sink.onDrain();
    t.same(link.valuesOf(KEEP_ALIVE_REPLY), [1, 2, 9999], 'the last one once there is room');
    sink.onFrame(told(KEEP_ALIVE, 7));
    t.same(link.valuesOf(KEEP_ALIVE_REPLY), [1, 2, 9999, 7]);
  },
);

t.test('a lost link is found within the time, whenever it was lost', async (t) => {
  for (const afterMs of [0, 1, 500, 999, 1000, 1500]) {
    const { link, sink } = new FakeSession({}, { silenceMs: 4000 });
    mock.timers.tick(afterMs);
    sink.onFrame(frameOf(message()));
    mock.timers.tick(2999);
    t.equal(link.aborted, undefined, 'not before three quarters of it');
    mock.timers.tick(1001);
    t.match(link.aborted, { code: 'VFU_TIMEOUT', message: /silent for/ });
  }
});

t.test('a peer is asked once, however many wait for its place', async (t) => {
  const { link, session } = new FakeSession();
  for (let i = 0; i < 1000; i++) session.probe(1000);
  t.equal(link.valuesOf(KEEP_ALIVE).length, 1);
  mock.timers.tick(999);
  t.equal(link.aborted, undefined);
  mock.timers.tick(1);
  t.match(link.aborted, { code: 'VFU_TIMEOUT', message: /silent for 1 s$/ });
});

t.test('a peer that answers when asked keeps its link, and may be asked again', async (t) => {
  const { link, session, sink } = new FakeSession();
  for (let i = 1; i < 5; i++) {
    session.probe(1000);
    sink.onFrame(told(KEEP_ALIVE_REPLY, 0));
    mock.timers.tick(1000);
    t.equal(link.valuesOf(KEEP_ALIVE).length, i);
  }
  t.equal(link.aborted, undefined);
});

t.test('a count that cannot be is named', async (t) => {
  const { sink, session } = new FakeSession();
  session.send(message());
  session.send(message());
  sink.onFrame(told(HANDLED, 0, 2));
  for (const count of [1, 3, Number.MAX_SAFE_INTEGER]) {
    const text = new RegExp(`has handled ${count} messages`);
    t.throws(() => sink.onFrame(told(HANDLED, 0, count)), { message: text });
  }
});

t.test('a frame without a record that is too short is named', async (t) => {
  const { sink } = new FakeSession();
  t.throws(() => sink.onFrame(frameOf(Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0))), {
    code: 'VFU_PROTOCOL_VIOLATION',
    message: /of 8 bytes, it has 24/,
  });
});

t.test('kinds that are not known are ignored', async (t) => {
  const { link, sink } = new FakeSession();
  sink.onFrame(told(77 as LinkFrameKind, 1));
  t.same(link.told, []);
});

t.test('whatever link frames say, their counts are possible or end the session', async () => {
  const frames = fc.record({
    kind: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.nat(0xffff_ffff)),
    value: fc.nat(0xffff_ffff),
    handled: fc.oneof(fc.nat(12), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    cut: fc.option(fc.integer({ min: 8, max: 23 }), { nil: undefined, freq: 10 }),
  });
  fc.assert(
    fc.property(fc.array(frames), fc.nat(10), (said, sent) => {
      const { session, sink } = new FakeSession();
      for (let i = 0; i < sent; i++) session.send(message());
      let least = 0;
      for (const { kind, value, handled, cut } of said) {
        const bytes = Buffer.alloc(24);
        bytes.writeUInt32LE(kind, 8);
        bytes.writeUInt32LE(value, 12);
        bytes.writeBigUInt64LE(BigInt(handled), 16);
        const whole = cut === undefined ? bytes : bytes.subarray(0, cut);
        whole.writeUInt32LE(whole.length, 0);
        const isPossible = cut === undefined && handled >= least && handled <= sent;
        let fault: unknown;
        try {
          sink.onFrame(frameOf(whole));
        } catch (error) {
          fault = error;
        }
        if (!isPossible) return VfioUserError.is(fault) && fault.code === 'VFU_PROTOCOL_VIOLATION';
        if (fault !== undefined) return false;
        least = Number(handled);
      }
      return true;
    }),
    { numRuns: 2000 },
  );
});
