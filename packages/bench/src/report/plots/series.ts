import type { NamedReport, Result } from '../report.js';

/** What tells the lines of a plot apart. */
export interface Series {
  /** Colour. */
  readonly who: string;
  /** Dashes: transports and floors, or one run and another. */
  readonly kind: string;
}

/** Which results plots show, and how their lines look. */
export interface Selection {
  /** Without floors when several runs are compared: they would be too many lines. */
  readonly results: readonly (Result & Series)[];
  /** All values of {@link Series.who}, in the order of their colours. */
  readonly who: readonly string[];
  readonly kinds: readonly string[];
}

export function selectSeries(reports: readonly NamedReport[]): Selection {
  const isComparison = reports.length > 1;
  const results = reports.flatMap(({ name, report }) =>
    report.results
      .filter(({ role }) => !isComparison || role === 'transport')
      .map((result) => ({
        ...result,
        who: result.contender,
        kind: isComparison ? name : result.role,
      })),
  );
  const targets = reports.flatMap(({ report }) => report.targets.map(({ name }) => name));
  return {
    results,
    who: [...new Set([...targets, ...results.map(({ who }) => who)])],
    kinds: isComparison ? reports.map(({ name }) => name) : ['transport', 'floor'],
  };
}

/** Values of `key` in the order in which they first occur. */
export function distinct<T, K>(items: readonly T[], key: (item: T) => K): readonly K[] {
  return [...new Set(items.map(key))];
}
