import { FloorServers } from '../floors/floor-servers.js';
import type { Target } from '../targets/target.js';
import type { TestCase } from '../workloads/test-case.js';
import type { TestFamily } from '../workloads/test-family.js';
import { Budget } from './budget.js';
import { ClientProcess } from './client-process.js';
import { closeEntrants, Entrants, type OpenTarget } from './entrants.js';
import type { BenchHost } from './host.js';
import type { Measured } from './measured.js';
import type { RunOptions } from './options.js';
import { type PlannedTest, planOf, weightOf } from './plan.js';
import { runRounds } from './rounds.js';

/** How long a test is warmed up, ms: some thousand operations, as compilers need. */
const WARM_UP_MS = 500;
/** Of the time of a run, at most. */
const WARM_UP_SHARE = 0.2;

/** All that was measured in one case. */
export interface CaseOutcome {
  readonly testCase: TestCase;
  /** Time of each measurement, ms. */
  readonly milliseconds: number;
  readonly measured: readonly Measured[];
}

/** A test that was left out for a target, and why. */
export interface LeftOut {
  readonly target: string;
  readonly test: string;
  readonly reason: string;
}

/** What a run tells while it goes on. */
export interface RunEvents {
  /** `share` of the measurements are done. */
  onProgress(share: number, what: string): void;
  onCase(outcome: CaseOutcome): void;
  onLeftOut(leftOut: LeftOut): void;
}

/** Where a run takes place. */
export interface RunSetting {
  readonly targets: readonly Target[];
  readonly host: BenchHost;
  /** Takes sockets; its name is short enough for them. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly events: RunEvents;
}

/** Measure all targets in all tests. Ends what it started, also when it fails. */
export async function runBench(options: RunOptions, setting: RunSetting): Promise<void> {
  const plan = planOf(options);
  const weights = plan.flatMap(({ cases }) => cases.map(weightOf));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const budget = new Budget(options.duration, total);
  const floors = new FloorServers(setting, options.echo);
  const run = new Run(options, setting, { budget, total, floors });
  try {
    for (const test of plan) await run.test(test);
  } finally {
    await run.close();
    await floors.close();
    for (const target of setting.targets) await target.close();
  }
}

interface RunParts {
  readonly budget: Budget;
  /** Weight of all cases. */
  readonly total: number;
  readonly floors: FloorServers;
}

class Run {
  readonly #options: RunOptions;
  readonly #setting: RunSetting;
  readonly #parts: RunParts;
  readonly #entrants: Entrants;
  readonly #clients = new Map<Target, ClientProcess>();
  #done = 0;

  constructor(options: RunOptions, setting: RunSetting, parts: RunParts) {
    this.#options = options;
    this.#setting = setting;
    this.#parts = parts;
    this.#entrants = new Entrants(parts.floors, options.rate);
  }

  async test({ family, cases }: PlannedTest): Promise<void> {
    const open: OpenTarget[] = [];
    try {
      const { targets, signal } = this.#setting;
      this.#progress(0, family.name);
      // Programs take their time to start: together they take less. What fails is told below.
      for (const target of targets) this.#clientOf(target);
      await Promise.allSettled(targets.map((target) => target.server(family.device)));
      for (const target of targets) {
        signal.throwIfAborted();
        const opened = await this.#open(family, target);
        if (opened !== undefined) open.push(opened);
      }
      for (const [index, testCase] of cases.entries()) {
        await this.#case(testCase, open, index === 0 ? this.#warmUp : 0);
      }
    } finally {
      for (const { client } of open) await client.ask<'close'>({ type: 'close' });
    }
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) await client.close();
  }

  async #open(family: TestFamily, target: Target): Promise<OpenTarget | undefined> {
    const { events } = this.#setting;
    const leaveOut = (reason: string): undefined => {
      events.onLeftOut({ target: target.name, test: family.name, reason });
    };
    const server = await target.server(family.device);
    if (server === undefined) return leaveOut(`needs a device ${family.device}`);
    if (family.overwrites && server.pid === undefined && !this.#options.overwrite) {
      return leaveOut('writes to the disk: allow it with --overwrite');
    }
    const client = this.#clientOf(target);
    const { sizes, depths, rate } = this.#options;
    const settings = { sizes, depths, rate };
    await client.ask<'open'>({ type: 'open', server, test: family.name, settings });
    return { target, client, pid: server.pid };
  }

  #clientOf(target: Target): ClientProcess {
    const client =
      this.#clients.get(target) ?? new ClientProcess(target.name, this.#setting.host.script);
    this.#clients.set(target, client);
    return client;
  }

  async #case(testCase: TestCase, open: readonly OpenTarget[], warmUp: number): Promise<void> {
    const { rounds } = this.#options;
    const { events, signal } = this.#setting;
    const entrants = await this.#entrants.of(testCase, open);
    const weight = weightOf(testCase);
    const measurements = entrants.length * (rounds + 1);
    const milliseconds = this.#parts.budget.take(weight, Math.max(measurements, 1));
    let begun = 0;
    try {
      const measured = await runRounds(entrants, {
        rounds,
        milliseconds,
        warmUpMilliseconds: Math.max(milliseconds, warmUp),
        signal,
        onMeasurement: ({ name }, round) => {
          const share = (weight * begun++) / measurements;
          const when = round === 0 ? 'warm-up' : `round ${round}/${rounds}`;
          this.#progress(share, `${testCase.test} ${testCase.title}: ${name}, ${when}`);
        },
      });
      if (measured.length > 0) events.onCase({ testCase, milliseconds, measured });
    } finally {
      await closeEntrants(entrants);
      this.#done += weight;
    }
  }

  get #warmUp(): number {
    const { duration, tests } = this.#options;
    const entrants = tests.length * this.#setting.targets.length;
    return Math.min(WARM_UP_MS, (duration * WARM_UP_SHARE) / entrants);
  }

  #progress(weight: number, what: string): void {
    this.#setting.events.onProgress((this.#done + weight) / this.#parts.total, what);
  }
}
