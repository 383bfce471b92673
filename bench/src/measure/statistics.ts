/** Of single operations, nanoseconds, and how many of them a second. */
export interface Statistics {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

/** `depth` operations were under way all the time. */
export function statisticsOf(nanoseconds: ArrayLike<number>, depth: number): Statistics {
  const sorted = Float64Array.from(nanoseconds).sort();
  let total = 0;
  for (const value of sorted) total += value;
  return {
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    perSecond: (depth * sorted.length * 1e9) / total,
  };
}

/** The value below which `share` of a sorted series lies. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  const value = sorted[index];
  if (value === undefined) throw new RangeError('nothing was measured');
  return value;
}
