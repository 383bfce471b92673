import fc from 'fast-check';
import t from 'tap';
import { StagingRing } from '../src/work/staging-ring.js';

const CAPACITY = 1024;

interface Piece {
  readonly start: number;
  readonly length: number;
  readonly taken: number;
}

t.test('pieces never overlap, whatever is taken, shrunk and given back', async () => {
  const step = fc.record({
    length: fc.integer({ min: 1, max: CAPACITY / 4 }),
    kept: fc.double({ min: 0, max: 1, noNaN: true }),
    releases: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ring = new StagingRing(CAPACITY);
      const held: Piece[] = [];
      for (const { length, kept, releases } of steps) {
        const start = ring.take(length);
        if (start >= 0) {
          const needed = Math.ceil(length * kept);
          ring.shrink(start, needed);
          const piece = { start, length: needed, taken: ring.lastTaken };
          if (start + length > CAPACITY || held.some((other) => overlap(other, piece)))
            return false;
          held.push(piece);
        }
        for (let i = 0; i < releases; i++) ring.release(held.shift()?.taken ?? 0);
      }
      return true;
    }),
  );
});

t.test('a ring that was emptied takes a piece of up to half of it', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: CAPACITY / 2 }), { maxLength: 20 }),
      (lengths) => {
        const ring = new StagingRing(CAPACITY);
        return lengths.every((length) => {
          const fits = ring.take(length) >= 0;
          ring.release(ring.lastTaken);
          return fits;
        });
      },
    ),
  );
});

function overlap(a: Piece, b: Piece): boolean {
  return a.start < b.start + b.length && b.start < a.start + a.length;
}
