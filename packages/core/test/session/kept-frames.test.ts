import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import t from 'tap';
import { KeptFrames } from '../../src/session/kept-frames.js';

const NOTHING = new Uint8Array(0);

/** A frame of `length` bytes that begins with its length, unlike any other one. */
function frame(length: number, salt: number): Buffer {
  const bytes = Buffer.alloc(length, (salt * 31 + 7) & 0xff);
  bytes.writeUInt32LE(length, 0);
  if (length >= 8) bytes.writeUInt32LE(salt, 4);
  return bytes;
}

function framesOf(kept: KeptFrames): Buffer[] {
  const frames: Buffer[] = [];
  kept.rewind();
  kept.send(kept.issued, (first, second) => void frames.push(Buffer.concat([first, second])));
  return frames;
}

type Step =
  | {
      readonly kind: 'add';
      readonly length: number;
      readonly split: number;
      readonly waits: boolean;
    }
  | { readonly kind: 'drop' | 'send'; readonly part: number }
  | { readonly kind: 'rewind' };

const lengths = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 4, max: 300 }) },
  { weight: 3, arbitrary: fc.integer({ min: 4, max: 0x8000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0x1_0000, max: 2 ** 20 }) },
);
const part = fc.double({ min: 0, max: 1, noNaN: true });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      length: lengths,
      split: part,
      waits: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom('drop' as const, 'send' as const), part }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'rewind' as const }) },
);
const steps = fc.array(step, { maxLength: 80, size: 'max' });

function bytesOf(frames: readonly Buffer[]): number {
  return frames.reduce((sum, { length }) => sum + length, 0);
}

t.test('it holds and sends what a list does, whatever is added and dropped', async () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 100, max: 4 * 2 ** 20 }), (steps, maxBytes) => {
      const kept = new KeptFrames(maxBytes);
      let model: Buffer[] = [];
      /** How many of them were sent over this link, and how many were handled before. */
      let sent = 0;
      /** How many were sent over any link. */
      let everSent = 0;
      let handled = 0;
      let salt = 0;
      const send = (count: number): void => {
        const frames: Buffer[] = [];
        kept.send(handled + sent + count, (...parts) => void frames.push(Buffer.concat(parts)));
        const expected = model.slice(sent, sent + count);
        assert.equal(frames.length, expected.length);
        assert.ok(frames.every((bytes, i) => bytes.equals(expected[i] as Buffer)));
        sent += count;
        everSent = Math.max(everSent, handled + sent);
      };
      for (const step of steps) {
        if (step.kind === 'add') {
          const bytes = frame(step.length, salt++);
          const split = Math.floor(step.split * bytes.length);
          const fits = bytesOf(model) + bytes.length <= maxBytes;
          const leaves = !step.waits && sent === model.length;
          assert.equal(kept.add(bytes.subarray(0, split), bytes.subarray(split), leaves), fits);
          if (fits) model.push(bytes);
          if (fits && leaves) sent++;
          everSent = Math.max(everSent, handled + sent);
        } else if (step.kind === 'drop') {
          const count = Math.round(step.part * (everSent - handled));
          handled += count;
          sent = Math.max(0, sent - count);
          model = model.slice(count);
          kept.drop(handled);
        } else if (step.kind === 'send') {
          send(Math.round(step.part * (model.length - sent)));
        } else {
          kept.rewind();
          sent = 0;
        }
        assert.equal(kept.count, model.length);
        assert.equal(kept.bytes, bytesOf(model));
        assert.equal(kept.unsent, model.length - sent);
        assert.equal(kept.covers(handled - 1), false);
        assert.equal(kept.covers(handled), true);
        assert.equal(kept.covers(everSent), true);
        assert.equal(kept.covers(everSent + 1), false);
      }
      kept.rewind();
      sent = 0;
      send(model.length);
    }),
    { numRuns: 150 },
  );
});

t.test('frames lie across the end of the ring, their length too', async (t) => {
  // The ring begins with 64 KiB: the last frame begins at each of the 5 places around its end.
  for (let before = 0x1_0000 - 4; before <= 0x1_0000; before++) {
    const kept = new KeptFrames(2 ** 20);
    kept.add(frame(before - 100, 1), NOTHING);
    kept.add(frame(100, 2), NOTHING);
    kept.drop(1);
    const last = frame(50, 3);
    kept.add(last.subarray(0, 3), last.subarray(3));
    t.strictSame(framesOf(kept), [frame(100, 2), last], `it begins at ${before}`);
    kept.drop(2);
    t.strictSame(framesOf(kept), [last]);
    t.equal(kept.bytes, 50);
  }
});

t.test('a ring grows wherever its frames end', async (t) => {
  for (let wrapped = 0; wrapped <= 5; wrapped++) {
    const kept = new KeptFrames(2 ** 20);
    kept.add(frame(1000, 1), NOTHING);
    kept.add(frame(0x1_0000 - 1000 - 100, 2), NOTHING);
    kept.drop(1);
    const last = frame(100 + wrapped, 3);
    const large = frame(0x2_0000, 4);
    kept.add(last, NOTHING);
    kept.drop(2);
    kept.add(large, NOTHING);
    t.strictSame(framesOf(kept), [last, large], `${wrapped} bytes beyond the end`);
  }
});

t.test('what was visited stays as it is until its frame is dropped', async (t) => {
  const kept = new KeptFrames(2 ** 22);
  const frames = [frame(0xff00, 1), frame(0x400, 2), frame(0x400, 3)];
  kept.add(frames[0]!, NOTHING);
  kept.drop(1);
  for (const bytes of frames) kept.add(bytes, NOTHING);
  const borrowed: (readonly [Uint8Array, Uint8Array])[] = [];
  kept.rewind();
  kept.send(kept.issued, (first, second) => void borrowed.push([first, second]));
  for (let i = 0; i < 50; i++) kept.add(frame(0xff00, 9), NOTHING);
  t.strictSame(
    borrowed.map((parts) => Buffer.concat(parts)),
    frames,
  );
});

t.test('memory for many frames is given back once none is kept', async (t) => {
  const kept = new KeptFrames(2 ** 26);
  const sent = frame(2 ** 20, 7);
  for (let i = 0; i < 6; i++) kept.add(sent, NOTHING);
  t.ok(kept.capacity >= 6 * 2 ** 20);
  kept.drop(5);
  t.strictSame(framesOf(kept), [sent]);
  kept.drop(6);
  t.ok(kept.capacity < 2 ** 20, `${kept.capacity} bytes are left`);
  kept.add(sent, NOTHING);
  t.strictSame(framesOf(kept), [sent]);
});

t.test('memory that was given back is taken again while it is there', async (t) => {
  const kept = new KeptFrames(2 ** 26);
  for (let i = 0; i < 6; i++) kept.add(frame(2 ** 20, i), NOTHING);
  const { capacity } = kept;
  kept.drop(6);
  t.ok(kept.capacity < 2 ** 20);
  // What lies across the end of the small ring goes on in the large one.
  kept.add(frame(0xff00, 6), NOTHING);
  const held = [frame(0x80, 7), frame(0x200, 8), frame(0x2_0000, 9)];
  kept.add(held[0]!, NOTHING);
  kept.drop(7);
  for (const bytes of held.slice(1)) kept.add(bytes, NOTHING);
  t.equal(kept.capacity, capacity);
  t.strictSame(framesOf(kept), held);

  kept.drop(kept.issued);
  const many = Array.from({ length: 20 }, (_, i) => frame(2 ** 20, i));
  for (const bytes of many) kept.add(bytes, NOTHING);
  t.ok(kept.capacity > capacity, 'what is too small is not taken');
  t.strictSame(framesOf(kept), many);
});

t.test('numbers that cannot be are not covered', async (t) => {
  const kept = new KeptFrames(2 ** 20);
  for (let i = 0; i < 3; i++) kept.add(frame(8, i), NOTHING);
  kept.drop(1);
  for (const right of [1, 2, 3]) t.equal(kept.covers(right), true, `${right}`);
  for (const wrong of [0, 4, -1, 2 ** 53, Number.POSITIVE_INFINITY, Number.NaN]) {
    t.equal(kept.covers(wrong), false, `${wrong}`);
  }
});

t.test('what does not leave is held back, and sent in order as far as it may', async (t) => {
  const kept = new KeptFrames(2 ** 20);
  const sent: number[] = [];
  const send = (upTo: number): void =>
    kept.send(upTo, (first) => void sent.push(Buffer.from(first).readUInt32LE(4)));
  kept.add(frame(8, 0), NOTHING, true);
  for (let i = 1; i <= 4; i++) kept.add(frame(8 + i, i), NOTHING, false);
  t.equal(kept.unsent, 4);
  t.equal(kept.covers(1), true);
  t.equal(kept.covers(2), false, 'nobody can have handled what was not sent');
  send(1);
  t.strictSame(sent, []);
  send(3);
  t.strictSame(sent, [1, 2]);
  kept.drop(2);
  send(kept.issued);
  t.strictSame(sent, [1, 2, 3, 4]);
  kept.rewind();
  t.equal(kept.unsent, 3);
  send(kept.issued);
  t.strictSame(sent, [1, 2, 3, 4, 2, 3, 4], 'what was not handled is sent again');
});
