import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

export type { Histogram } from 'hdr-histogram-js';

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
  histogram.recordValue(Math.min(Math.max(Math.round(milliseconds * 1e6), 0), LONGEST));
}

/** As text, in the format of all HdrHistogram libraries (V2, compressed, base64). */
export function encodeHistogram(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

export function decodeHistogram(text: string): Histogram {
  return decodeFromCompressedBase64(text);
}
