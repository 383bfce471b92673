import fc from 'fast-check';
import t from 'tap';
import { type PieceInFlight, TransferWindow } from '../../src/memory/transfer-window.js';

const KIB = 1024;
/** One message carries no more. */
const MOST_PIECE = 1024 * KIB;

class Piece implements PieceInFlight {
  sentMs = 0;
  answeredBefore = 0;
  ahead = 0;
  readonly bytes: number;
  /** When its answer is here. */
  dueMs: number;

  constructor(bytes: number, dueMs: number) {
    this.bytes = bytes;
    this.dueMs = dueMs;
  }
}

/** A line with a bandwidth, in bytes per ms, and a round trip, on a clock of its own. */
class Line {
  bytesPerMs: number;
  tripMs: number;
  now = 1000;
  readonly window: TransferWindow;
  readonly #underWay: Piece[] = [];
  #takenInMs = 0;

  constructor(bytesPerMs: number, tripMs: number, mostBytes = 64 * KIB * KIB) {
    this.bytesPerMs = bytesPerMs;
    this.tripMs = tripMs;
    this.window = new TransferWindow(mostBytes, () => this.now);
  }

  send(bytes: number): void {
    this.#takenInMs = Math.max(this.#takenInMs, this.now) + bytes / this.bytesPerMs;
    const piece = new Piece(bytes, this.#takenInMs + this.tripMs);
    this.window.left(piece);
    this.#underWay.push(piece);
  }

  /** The next answer comes. @returns its bytes. */
  receive(more: boolean): number {
    const piece = this.#underWay.shift();
    if (piece === undefined) throw new Error('nothing is under way');
    this.now = Math.max(this.now, piece.dueMs);
    this.window.answered(piece, more);
    return piece.bytes;
  }

  /** Nothing is carried for so long; what is under way arrives that much later. */
  stall(ms: number): void {
    this.#takenInMs = Math.max(this.#takenInMs, this.now) + ms;
    for (const piece of this.#underWay) piece.dueMs += ms;
  }

  /** Sends as much as it may for so long. @returns the bytes that were answered. */
  run(ms: number): number {
    const end = this.now + ms;
    let answered = 0;
    while (this.now < end) {
      const { window } = this;
      const bytes = (): number => Math.min(window.pieceBytes, MOST_PIECE);
      while (window.fits(bytes())) this.send(bytes());
      answered += this.receive(true);
    }
    return answered;
  }
}

t.test('a line is filled, and hardly more is under way than that takes', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_000, max: 1_000_000 }), // 8 Mbit/s to 8 Gbit/s
      fc.integer({ min: 1, max: 60 }),
      (bytesPerMs, tripMs) => {
        const line = new Line(bytesPerMs, tripMs);
        line.run(2000 + 100 * tripMs);
        const share = line.run(10_000) / (10_000 * bytesPerMs);
        const queuedMs = line.window.underWay / bytesPerMs - tripMs;
        // A fixed least is allowed on the slowest lines.
        const least = (160 * KIB) / bytesPerMs;
        return share > 0.9 && queuedMs <= Math.max(least, 20 + tripMs);
      },
    ),
  );
  t.pass();
});

t.test('a line that becomes slower or faster is followed within seconds', async (t) => {
  const line = new Line(125_000, 1);
  line.run(1000);
  t.ok(line.window.underWay > 900 * KIB);
  line.bytesPerMs = 6250;
  line.run(5000);
  t.ok(line.window.underWay <= 160 * KIB, `${line.window.underWay} bytes at 50 Mbit/s`);
  line.bytesPerMs = 125_000;
  line.run(3000);
  t.ok(line.window.underWay > 900 * KIB, `${line.window.underWay} bytes at 1 Gbit/s`);
  line.tripMs = 30;
  line.run(25_000);
  const share = line.run(1000) / (1000 * line.bytesPerMs);
  t.ok(share > 0.9, `${(share * 100).toFixed()} % of a line that has become longer`);
});

t.test('a gap of 20 s is neither the bandwidth of a line nor its round trip', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_000, max: 1_000_000 }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 0, max: 25_000 }),
      (bytesPerMs, tripMs, beforeMs) => {
        const line = new Line(bytesPerMs, tripMs);
        line.run(2000 + 100 * tripMs + beforeMs);
        for (const beforeNextMs of [300, 0]) {
          line.stall(20_000);
          line.run(1);
          line.run(2 * tripMs + beforeNextMs);
        }
        const share = line.run(1000) / (1000 * bytesPerMs);
        const queuedMs = line.window.underWay / bytesPerMs - tripMs;
        const least = (160 * KIB) / bytesPerMs;
        return share > 0.8 && queuedMs <= Math.max(least, 20 + tripMs);
      },
    ),
  );
  t.pass();
});

t.test('a line that is slower after a gap is followed within seconds', async (t) => {
  const line = new Line(125_000, 1);
  line.run(1000);
  line.stall(20_000);
  line.run(1);
  line.bytesPerMs = 6250;
  line.run(5000);
  t.ok(line.window.underWay <= 160 * KIB, `${line.window.underWay} bytes at 50 Mbit/s`);
  // Every answer takes longer than what else is a gap.
  line.bytesPerMs = 10;
  line.run(120_000);
  t.ok(line.window.underWay <= 160 * KIB, `${line.window.underWay} bytes at 80 kbit/s`);
});

t.test('small transfers, one at a time, say nothing of what the line could take', async (t) => {
  const line = new Line(125_000, 1);
  const { bytes, pieceBytes } = line.window;
  for (let i = 0; i < 20_000; i++) {
    line.send(64);
    line.receive(false);
  }
  t.same([line.window.bytes, line.window.pieceBytes], [bytes, pieceBytes]);
});

t.test('no more is under way than the other side allows, but always one piece', async (t) => {
  const line = new Line(1_000_000, 1, 100_000);
  line.run(100);
  t.ok(line.window.underWay <= 100_000);
  t.ok(line.window.pieceBytes <= 100_000);
  const small = new TransferWindow(10);
  t.equal(small.fits(1000), true);
  small.left(new Piece(1000, 0));
  t.equal(small.fits(1), false);
});

t.test('what fails makes room, and is no measurement', async (t) => {
  const window = new TransferWindow(2 ** 20);
  const { bytes } = window;
  const piece = new Piece(1000, 0);
  window.left(piece);
  window.failed(piece);
  t.same([window.underWay, window.bytes], [0, bytes]);
});

t.test('a small piece is never held up by another one, whatever is being measured', async (t) => {
  const line = new Line(125_000, 1);
  for (let round = 0; round < 100; round++) {
    line.now += 500;
    line.send(4 * KIB);
    t.ok(line.window.fits(16), 'behind 4 KiB');
    line.send(16);
    line.receive(false);
    t.ok(line.window.fits(16), 'behind 16 bytes');
    line.receive(false);
  }
});
