import fc from 'fast-check';
import t from 'tap';
import { ProtocolViolationError } from '../src/errors.js';
import { FrameAssembler } from '../src/transport/frame-assembler.js';
import type { Descriptor } from '../src/transport/resources.js';
import type { Framing } from '../src/transport/transport.js';

/** Length, then one byte that is 1 where descriptors are expected. */
const HEADER_BYTES = 5;
const framing: Framing = {
  headerBytes: HEADER_BYTES,
  frameLength(view, offset) {
    const length = view.getUint32(offset, true);
    if (length === 666) throw new ProtocolViolationError('an impossible length');
    return length;
  },
  mayCarryDescriptors: (view, offset) => view.getUint8(offset + 4) === 1,
};
const limits = { maxFrameBytes: 4096, maxDescriptors: 8, initialBytes: 64 };

class FakeDescriptor implements Descriptor {
  closed = 0;
  close(): void {
    this.closed += 1;
  }
}

function frameBytes(length: number, carries = false, fill = 0): Uint8Array {
  const bytes = new Uint8Array(length).fill(fill);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  bytes[4] = carries ? 1 : 0;
  return bytes;
}

interface Received {
  readonly bytes: number[];
  readonly descriptors: readonly Descriptor[];
}

/** Deliver at most as many bytes as there is space for, like a socket does. */
function receive(
  assembler: FrameAssembler,
  source: Uint8Array,
  descriptors?: readonly Descriptor[],
): number {
  assembler.reserve();
  const count = Math.min(assembler.space, source.length);
  assembler.bytes.set(source.subarray(0, count), assembler.end);
  assembler.commit(count, descriptors);
  return count;
}

function drain(assembler: FrameAssembler, into: Received[] = []): Received[] {
  for (let frame = assembler.next(); frame !== undefined; frame = assembler.next()) {
    if (frame.view.buffer !== frame.bytes.buffer) throw new Error('the view shows another buffer');
    into.push({
      bytes: [...frame.bytes.subarray(frame.start, frame.start + frame.length)],
      descriptors: frame.descriptors,
    });
  }
  return into;
}

interface Chunk {
  readonly from: number;
  readonly to: number;
  readonly descriptors: readonly Descriptor[];
}

/** The rule, said once more and without regard to what it costs. */
function ownerOf(chunk: Chunk, frames: readonly { start: number; carries: boolean }[]): number {
  const inside = frames.filter(({ start }) => start >= chunk.from && start < chunk.to);
  const owner =
    inside.findLast(({ carries }) => carries) ??
    inside.at(-1) ??
    frames.findLast(({ start }) => start < chunk.to);
  return owner?.start ?? -1;
}

t.test('any chunking gives the same frames, and each descriptor its frame', async (t) => {
  const frameSpec = fc.record({
    extra: fc.oneof(fc.nat(20), fc.nat(300)),
    carries: fc.boolean(),
    fill: fc.nat(255),
  });
  const chunkSpec = fc.record({ bytes: fc.integer({ min: 1, max: 120 }), descriptors: fc.nat(2) });
  fc.assert(
    fc.property(
      fc.array(frameSpec, { minLength: 1, maxLength: 12 }),
      fc.array(chunkSpec, { minLength: 1, maxLength: 20 }),
      (specs, chunkSpecs) => {
        const frames = specs.map(({ extra, carries, fill }) =>
          frameBytes(HEADER_BYTES + extra, carries, fill),
        );
        const stream = Buffer.concat(frames);
        const starts: { start: number; carries: boolean }[] = [];
        let position = 0;
        for (const frame of frames) {
          starts.push({ start: position, carries: frame[4] === 1 });
          position += frame.length;
        }

        const assembler = new FrameAssembler(framing, { ...limits, maxDescriptors: 1000 });
        const chunks: Chunk[] = [];
        const received: Received[] = [];
        for (let from = 0, i = 0; from < stream.length; i++) {
          const spec = chunkSpecs[i % chunkSpecs.length]!; // at least one
          const descriptors = Array.from({ length: spec.descriptors }, () => new FakeDescriptor());
          const piece = stream.subarray(from, from + spec.bytes);
          const to = from + receive(assembler, piece, descriptors);
          chunks.push({ from, to, descriptors });
          from = to;
          drain(assembler, received);
        }

        const expected = frames.map((bytes, index) => ({
          bytes: [...bytes],
          descriptors: chunks
            .filter((chunk) => ownerOf(chunk, starts) === starts[index]?.start)
            .flatMap(({ descriptors }) => descriptors),
        }));
        return (
          received.length === expected.length &&
          received.every(
            ({ bytes, descriptors }, index) =>
              Buffer.from(bytes).equals(Buffer.from(expected[index]!.bytes)) &&
              descriptors.length === expected[index]!.descriptors.length &&
              descriptors.every((each, n) => each === expected[index]!.descriptors[n]),
          )
        );
      },
    ),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('frames without descriptors cost no allocation', async (t) => {
  const assembler = new FrameAssembler(framing, limits);
  receive(assembler, Buffer.concat([frameBytes(10), frameBytes(12)]));
  const first = assembler.next();
  const { bytes, descriptors } = first ?? {};
  const second = assembler.next();
  t.equal(second, first, 'the frame object is reused');
  t.equal(second?.bytes, bytes);
  t.equal(second?.descriptors, descriptors);
});

t.test('the buffer grows for an accepted length only, and shrinks again', async (t) => {
  const assembler = new FrameAssembler(framing, limits);
  const large = frameBytes(4096, false, 7);
  let sent = receive(assembler, large);
  t.equal(assembler.bytes.length, 64);
  t.strictSame(drain(assembler), []);
  while (sent < large.length) {
    sent += receive(assembler, large.subarray(sent));
    t.equal(assembler.bytes.length, 4096);
  }
  t.strictSame(drain(assembler), [{ bytes: [...large], descriptors: [] }]);

  for (let i = 0; assembler.bytes.length > 64; i++) {
    if (i > 5000) return t.fail('the buffer stays large');
    receive(assembler, frameBytes(16));
    assembler.next();
  }
  receive(assembler, frameBytes(20, false, 3));
  t.equal(drain(assembler)[0]?.bytes.length, 20, 'and goes on working');
});

t.test('impossible lengths are refused before anything is allocated', async (t) => {
  for (const [length, message] of [
    [4097, /4097 bytes, the limit is 4096/],
    [0xffff_ffff, /4294967295 bytes, the limit/],
    [4, /4 bytes, a header alone has 5/],
    [0, /0 bytes/],
    [666, /impossible/],
  ] as const) {
    const assembler = new FrameAssembler(framing, limits);
    const bytes = frameBytes(8);
    new DataView(bytes.buffer).setUint32(0, length, true);
    receive(assembler, Buffer.concat([frameBytes(9), bytes]));
    t.equal(assembler.next()?.length, 9, 'what came before is handed out');
    t.throws(() => assembler.next(), { code: 'VFU_PROTOCOL_VIOLATION', message }, String(length));
    t.equal(assembler.bytes.length, 64);
  }
});

t.test('a frame that may be the owner waits for the header that decides', async (t) => {
  const descriptor = new FakeDescriptor();
  for (const nextCarries of [true, false]) {
    const assembler = new FrameAssembler(framing, limits);
    const next = frameBytes(10, nextCarries);
    receive(assembler, Buffer.concat([frameBytes(62, true), next.subarray(0, 2)]), [descriptor]);
    t.equal(assembler.next(), undefined);
    const received: Received[] = [];
    for (let at = 2; at < next.length; ) {
      at += receive(assembler, next.subarray(at));
      drain(assembler, received);
    }
    const owners = received.map(({ descriptors }) => descriptors.length);
    t.strictSame(owners, nextCarries ? [0, 1] : [1, 0]);
  }
});

t.test('at the end of the stream nothing is waited for', async (t) => {
  const descriptor = new FakeDescriptor();
  const assembler = new FrameAssembler(framing, limits);
  const cut = Buffer.concat([frameBytes(12, true), frameBytes(10).subarray(0, 2)]);
  receive(assembler, cut, [descriptor]);
  t.equal(assembler.next(), undefined);
  assembler.finish();
  t.strictSame(drain(assembler)[0]?.descriptors, [descriptor]);
  t.equal(assembler.pendingBytes, 2);
  assembler.release();
  t.equal(descriptor.closed, 0, 'what was handed out is not ours any more');
});

t.test('a bad frame does not take the descriptors of a good one along', async (t) => {
  const descriptor = new FakeDescriptor();
  const assembler = new FrameAssembler(framing, limits);
  const bad = frameBytes(8);
  new DataView(bad.buffer).setUint32(0, 666, true);
  receive(assembler, Buffer.concat([frameBytes(9, true), bad]), [descriptor]);
  t.strictSame(assembler.next()?.descriptors, [descriptor]);
  t.throws(() => assembler.next(), ProtocolViolationError);
});

t.test('descriptors of a frame that never completes are bounded and closed', async (t) => {
  const assembler = new FrameAssembler(framing, limits);
  const descriptors = Array.from({ length: 9 }, () => new FakeDescriptor());
  const frame = frameBytes(60);
  let at = receive(assembler, frame.subarray(0, 10), descriptors.slice(0, 8));
  t.equal(assembler.next(), undefined);
  t.throws(
    () => {
      at += receive(assembler, frame.subarray(at, at + 1), descriptors.slice(8));
    },
    { code: 'VFU_PROTOCOL_VIOLATION', message: /9 descriptors/ },
  );
  assembler.release();
  t.ok(descriptors.every(({ closed }) => closed === 1));
});
