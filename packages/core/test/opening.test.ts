import t from 'tap';
import { ProtocolViolationError } from '../src/errors.js';
import { FrameAssembler } from '../src/transport/frame-assembler.js';
import { type Opening, OpeningPhase } from '../src/transport/opening.js';
import type { FrameSink, Framing } from '../src/transport/transport.js';

const framing: Framing = {
  headerBytes: 1,
  frameLength: (view, offset) => view.getUint8(offset),
  mayCarryDescriptors: () => false,
};
const sink: FrameSink = { onFrame() {}, onDrain() {}, onClose() {} };

/** A phase whose peer has to say 1, 2, 3, and what came of it. */
function begin(more: Partial<Opening> = {}) {
  const outcomes: (string | Error)[] = [];
  const handshake = {
    greeting: Uint8Array.of(9),
    consume(bytes: Uint8Array): number | undefined {
      if (bytes.some((byte, i) => i < 3 && byte !== i + 1)) throw new ProtocolViolationError('no');
      return bytes.length < 3 ? undefined : 3;
    },
  };
  const opening: Opening = {
    handshake,
    handshakeTimeoutMs: 10_000,
    ready() {
      outcomes.push('ready');
      return sink;
    },
    failed: (error) => outcomes.push(error),
    ...more,
  };
  let onTimeout: (error: Error) => void = () => {};
  const timedOut = new Promise<Error>((resolve) => {
    onTimeout = resolve;
  });
  const phase = new OpeningPhase('somebody', opening, onTimeout);
  t.teardown(() => phase.fail(undefined));
  const assembler = new FrameAssembler(framing, { maxFrameBytes: 100, maxDescriptors: 0 });
  const receive = (...bytes: number[]): void => {
    assembler.reserve();
    assembler.bytes.set(bytes, assembler.end);
    assembler.commit(bytes.length);
  };
  return { phase, assembler, receive, outcomes, timedOut };
}

t.test('frames begin right behind a greeting that came in pieces', async (t) => {
  const { phase, assembler, receive, outcomes } = begin();
  t.strictSame(phase.greeting, Uint8Array.of(9));
  receive(1);
  t.equal(phase.advance(assembler, nothing), undefined);
  receive(2, 3, 2, 77, 1);
  t.equal(phase.advance(assembler, nothing), sink);
  t.match(assembler.next(), { start: 3, length: 2 });
  t.match(assembler.next(), { start: 5, length: 1 });
  t.equal(assembler.next(), undefined);
  phase.fail(new Error('later'));
  t.strictSame(outcomes, ['ready']);
});

t.test('a greeting of another protocol is an error', async (t) => {
  const { phase, assembler, receive } = begin();
  receive(1, 7);
  t.throws(() => phase.advance(assembler, nothing), { code: 'VFU_PROTOCOL_VIOLATION' });
});

t.test('an end before the greeting is complete fails once, with a reason', async (t) => {
  const { phase, outcomes } = begin();
  phase.fail(undefined);
  phase.fail(new Error('again'));
  t.match(outcomes, [
    { code: 'VFU_PEER_CLOSED', message: /somebody closed .* before its greeting/ },
  ]);
});

t.test('without a handshake it is ready at once', async (t) => {
  const { phase, assembler } = begin({ handshake: undefined });
  t.equal(phase.greeting, undefined);
  t.equal(phase.advance(assembler, nothing), sink);
});

t.test('a peer that does not greet is given up', async (t) => {
  const { timedOut } = begin({ handshakeTimeoutMs: 1 });
  t.match(await timedOut, { code: 'VFU_TIMEOUT', message: /within 1 ms/ });
});

function nothing(): void {}
