import { textTable } from '@vfio-user/core/internal';
import type { Fault } from '../plan/faults.js';
import type { Outcome } from '../workloads/tally.js';

const NOTHING: Outcome = { operations: 0, lost: 0, repeated: 0, wrong: 0 };

/** Of one kind of fault. */
interface KindResult {
  faults: number;
  outcome: Outcome;
  readonly gapsMs: number[];
  longestGapMs: number;
}

/** What became of a fault. */
export interface FaultResult {
  readonly fault: Fault;
  /** What was cut. */
  readonly unit?: string | undefined;
  /** Of the session, until it was verified again. */
  readonly outcome: Outcome;
  /** Longest time without an operation, ms. */
  readonly gapMs: number;
  /** Whether nothing else delayed the session meanwhile: other gaps say nothing of this fault. */
  readonly isAlone: boolean;
}

/** What became of all faults, for people. */
export class Results {
  readonly #kinds = new Map<string, KindResult>();
  readonly #units = new Map<string, number>();
  #total: Outcome = NOTHING;
  #faults = 0;

  get faults(): number {
    return this.#faults;
  }

  get isGood(): boolean {
    const { lost, repeated, wrong } = this.#total;
    return lost + repeated + wrong === 0;
  }

  add({ fault, unit, outcome, gapMs, isAlone }: FaultResult): void {
    const kind = this.#kind(kindText(fault));
    this.#faults++;
    kind.faults++;
    kind.outcome = sum(kind.outcome, outcome);
    if (isAlone) {
      kind.gapsMs.push(gapMs);
      kind.longestGapMs = Math.max(kind.longestGapMs, gapMs);
    }
    this.#total = sum(this.#total, outcome);
    if (unit !== undefined) this.#units.set(unit, (this.#units.get(unit) ?? 0) + 1);
  }

  /** Operations between faults and after the last one. */
  addRest(outcome: Outcome): void {
    this.#total = sum(this.#total, outcome);
  }

  table(): string {
    const head = ['fault', 'faults', 'operations', 'lost', 'repeated', 'wrong'];
    const gaps = ['gap p50', 'p99', 'longest'];
    const rows = [...this.#kinds]
      .sort(([one], [other]) => one.localeCompare(other))
      .map(([name, { faults, outcome, gapsMs, longestGapMs }]) => [
        ...[name, String(faults), ...numbers(outcome)],
        ...[percentile(gapsMs, 0.5), percentile(gapsMs, 0.99), milliseconds(longestGapMs)],
      ]);
    const longest = Math.max(0, ...[...this.#kinds.values()].map(({ longestGapMs: ms }) => ms));
    const all = ['all', String(this.#faults), ...numbers(this.#total)];
    rows.push([...all, '', '', milliseconds(longest)]);
    return textTable([...head, ...gaps], rows, { left: 1 });
  }

  /** How often links were cut within what. */
  cuts(): string {
    return [...this.#units]
      .sort(([one], [other]) => one.localeCompare(other))
      .map(([unit, count]) => `${unit} ${count}`)
      .join(', ');
  }

  #kind(name: string): KindResult {
    const known = this.#kinds.get(name);
    if (known !== undefined) return known;
    const kind = { faults: 0, outcome: NOTHING, gapsMs: [], longestGapMs: 0 };
    this.#kinds.set(name, kind);
    return kind;
  }
}

/** What happened since `before`. */
export function since(before: Outcome, after: Outcome): Outcome {
  return {
    operations: after.operations - before.operations,
    lost: after.lost - before.lost,
    repeated: after.repeated - before.repeated,
    wrong: after.wrong - before.wrong,
  };
}

function sum(one: Outcome, other: Outcome): Outcome {
  return {
    operations: one.operations + other.operations,
    lost: one.lost + other.lost,
    repeated: one.repeated + other.repeated,
    wrong: one.wrong + other.wrong,
  };
}

function kindText(fault: Fault): string {
  switch (fault.kind) {
    case 'stop':
      return `stop ${fault.process}`;
    case 'half-open':
      return `half-open, ${fault.reset} reset`;
    default:
      return fault.kind;
  }
}

function numbers({ operations, lost, repeated, wrong }: Outcome): string[] {
  return [operations, lost, repeated, wrong].map(String);
}

function percentile(values: readonly number[], part: number): string {
  if (values.length === 0) return '-';
  const sorted = [...values].sort((one, other) => one - other);
  return milliseconds(sorted[Math.ceil(part * sorted.length) - 1] ?? 0);
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(0)} ms`;
}
