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
