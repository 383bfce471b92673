import { build, type Histogram } from 'hdr-histogram-js';

export {
  // As text, in the format of all HdrHistogram libraries (V2, compressed, base64).
  decodeFromCompressedBase64 as decodeHistogram,
  encodeIntoCompressedBase64 as encodeHistogram,
  type Histogram,
} from 'hdr-histogram-js';

/** The longest time told apart from longer ones: 100 s in nanoseconds. */
const LONGEST = 100e9;

/** An empty histogram of nanoseconds, to three significant digits. */
export function createHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LONGEST,
    numberOfSignificantValueDigits: 3,
  });
}

/** Record a time that `performance.now()` measured. */
export function recordMilliseconds(histogram: Histogram, milliseconds: number): void {
  recordNanoseconds(histogram, milliseconds * 1e6);
}

export function recordNanoseconds(histogram: Histogram, nanoseconds: number): void {
  histogram.recordValue(Math.min(Math.max(Math.round(nanoseconds), 0), LONGEST));
}

/** A figure over all rounds. */
export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** @throws {RangeError} when there are no rounds. */
export function spreadOf(rounds: readonly number[]): Spread {
  const sorted = rounds.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const below = sorted[Math.floor(middle)];
  const above = sorted[Math.ceil(middle)];
  if (below === undefined || above === undefined) throw new RangeError('there are no rounds');
  return {
    median: (below + above) / 2,
    lowest: sorted[0] as number,
    highest: sorted.at(-1) as number,
  };
}

/** Of two figures measured together in every round: the spread of their ratio. */
export function ratioOf(
  rounds: readonly number[],
  reference: readonly number[],
): Spread | undefined {
  const ratios = rounds.map((value, index) => value / (reference[index] ?? Number.NaN));
  return ratios.every(Number.isFinite) ? spreadOf(ratios) : undefined;
}

/** The value that `percent` of the samples do not exceed. */
export function percentileOf(histogram: Histogram, percent: number): number {
  // The histogram answers with the end of a bucket, which may lie behind everything that is in it.
  return Math.min(histogram.maxValue, histogram.getValueAtPercentile(percent));
}
