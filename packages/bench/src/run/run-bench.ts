import { Budget } from '../engine/budget.js';
import { runRounds } from '../engine/rounds.js';
import type { CaseOutcome } from '../report/case-results.js';
import { EchoServers } from '../targets/echo-servers.js';
import type { BenchHost, Target } from '../targets/target.js';
import type { Workload, WorkloadCase } from '../workloads/workload.js';
import { ClientProcess } from './client-process.js';
import { contendersOf, type OpenTarget } from './contenders.js';
import { type PlannedWorkload, planOf, type RunOptions, weightOf } from './plan.js';

/** How long a workload is warmed up, ms: some thousand operations, as compilers need. */
const WARM_UP_MS = 500;
/** Of the time of a run, at most. */
const WARM_UP_SHARE = 0.2;

/** A workload that was left out for a target, and why. */
export interface LeftOut {
  readonly target: string;
  readonly test: string;
  readonly reason: string;
}

/** Events of a run. */
export interface RunEvents {
  /** `share` of the measurements are done. */
  onProgress(share: number, what: string): void;
  onCase(outcome: CaseOutcome): void;
  onLeftOut(leftOut: LeftOut): void;
}

/** What a run needs. */
export interface RunContext {
  readonly targets: readonly Target[];
  readonly host: BenchHost;
  /** Takes sockets; its name is short enough for them. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly events: RunEvents;
}

/** Measure all targets in all workloads. Ends what it started, also when it fails. */
export async function runBench(options: RunOptions, context: RunContext): Promise<void> {
  const plan = planOf(options);
  const weights = plan.flatMap(({ cases }) => cases.map(weightOf));
  const run = new Run(
    options,
    context,
    weights.reduce((sum, weight) => sum + weight, 0),
  );
  try {
    for (const planned of plan) await run.workload(planned);
  } finally {
    await run.close();
  }
}

class Run {
  readonly #options: RunOptions;
  readonly #context: RunContext;
  /** Weight of all cases, and of those that have been measured. */
  readonly #total: number;
  #done = 0;
  readonly #budget: Budget;
  readonly #echo: EchoServers;
  readonly #clients = new Map<Target, ClientProcess>();

  constructor(options: RunOptions, context: RunContext, total: number) {
    this.#options = options;
    this.#context = context;
    this.#total = total;
    this.#budget = new Budget(options.duration, total);
    this.#echo = new EchoServers(context, options.echo);
  }

  async workload({ workload, cases }: PlannedWorkload): Promise<void> {
    const open: OpenTarget[] = [];
    try {
      const { targets, signal } = this.#context;
      this.#progress(0, workload.name);
      // Programs take their time to start: together they take less. What fails is told below.
      for (const target of targets) this.#clientOf(target);
      await Promise.allSettled(targets.map((target) => target.server(workload.device)));
      for (const target of targets) {
        signal.throwIfAborted();
        const opened = await this.#open(workload, target);
        if (opened !== undefined) open.push(opened);
      }
      for (const [index, workloadCase] of cases.entries()) {
        await this.#case(workloadCase, open, index === 0 ? this.#warmUp : 0);
      }
    } finally {
      for (const { client } of open) await client.ask<'close'>({ type: 'close' });
    }
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) await client.close();
    await this.#echo.close();
    for (const target of this.#context.targets) await target.close();
  }

  async #open(workload: Workload, target: Target): Promise<OpenTarget | undefined> {
    const { events } = this.#context;
    const leaveOut = (reason: string): undefined => {
      events.onLeftOut({ target: target.name, test: workload.name, reason });
    };
    const server = await target.server(workload.device);
    if (server === undefined) return leaveOut(`needs a device ${workload.device}`);
    if (workload.overwrites && server.pid === undefined && !this.#options.overwrite) {
      return leaveOut('writes to the disk: allow it with --overwrite');
    }
    const client = this.#clientOf(target);
    const { sizes, depths, rate } = this.#options;
    const settings = { sizes, depths, rate };
    await client.ask<'open'>({ type: 'open', server, workload: workload.name, settings });
    return { target, client, pid: server.pid };
  }

  #clientOf(target: Target): ClientProcess {
    const client =
      this.#clients.get(target) ?? new ClientProcess(target.name, this.#context.host.script);
    this.#clients.set(target, client);
    return client;
  }

  async #case(
    workloadCase: WorkloadCase,
    open: readonly OpenTarget[],
    warmUp: number,
  ): Promise<void> {
    const { rounds, rate } = this.#options;
    const { events, signal } = this.#context;
    const contenders = await contendersOf(workloadCase, open, this.#echo, rate);
    const weight = weightOf(workloadCase);
    const measurements = contenders.length * (rounds + 1);
    const milliseconds = this.#budget.take(weight, Math.max(measurements, 1));
    let begun = 0;
    try {
      const measured = await runRounds(contenders, {
        rounds,
        milliseconds,
        warmUpMilliseconds: Math.max(milliseconds, warmUp),
        signal,
        onMeasurement: ({ name }, round) => {
          const share = (weight * begun++) / measurements;
          const when = round === 0 ? 'warm-up' : `round ${round}/${rounds}`;
          this.#progress(share, `${workloadCase.workload} ${workloadCase.title}: ${name}, ${when}`);
        },
      });
      if (measured.length > 0) events.onCase({ workloadCase, milliseconds, measured });
    } finally {
      for (const contender of contenders) await contender.close?.();
      this.#done += weight;
    }
  }

  get #warmUp(): number {
    const { duration, workloads } = this.#options;
    const contenders = workloads.length * this.#context.targets.length;
    return Math.min(WARM_UP_MS, (duration * WARM_UP_SHARE) / contenders);
  }

  #progress(weight: number, what: string): void {
    this.#context.events.onProgress((this.#done + weight) / this.#total, what);
  }
}
