import { setTimeout as delay } from 'node:timers/promises';
import { inflict } from '../link/inflict.js';
import type { Fault } from '../plan/faults.js';
import type { SessionPlan } from '../plan/plan.js';
import type { Answer } from '../processes/messages.js';
import { type Results, since } from './results.js';
import type { Rig } from './rig.js';

/** One session of a set-up, and the faults that it gets. */
export class SessionRun {
  readonly #rig: Rig;
  readonly #index: number;
  readonly #plan: SessionPlan;
  readonly #results: Results;
  readonly #onNote: (note: string) => void;
  #notes = 0;
  #last: Answer | undefined;

  /**
   * @param index its number in the set-up.
   * @param onNote something is wrong with an operation.
   */
  constructor(
    rig: Rig,
    index: number,
    plan: SessionPlan,
    results: Results,
    onNote: (note: string) => void,
  ) {
    this.#rig = rig;
    this.#index = index;
    this.#plan = plan;
    this.#results = results;
    this.#onNote = onNote;
  }

  async run(): Promise<void> {
    this.#last = await this.#rig.open(this.#index, this.#plan);
    for (const [number, { pauseMs, fault }] of this.#plan.faults.entries()) {
      await delay(pauseMs);
      await this.#run(fault, number);
    }
    const before = this.#last.outcome;
    const { outcome } = await this.#rig.ask(this.#index, 'finish');
    this.#results.addRest(since(before, outcome));
  }

  async #run(fault: Fault, number: number): Promise<void> {
    const rig = this.#rig;
    const watched = await rig.ask(this.#index, 'watch');
    this.#rest(watched);
    const { calm } = rig;
    const unit = await this.#inflict(fault);
    const settled = await rig.ask(this.#index, 'settle');
    rig.relay(this.#index).tidy();
    const isAlone = fault.kind === 'stop' || (calm !== undefined && calm === rig.calm);
    const outcome = since(watched.outcome, settled.outcome);
    this.#results.add({ fault, unit, outcome, gapMs: settled.gapMs, isAlone });
    this.#tell(settled, `fault ${number} (${JSON.stringify(fault)})`);
    this.#last = settled;
  }

  async #inflict(fault: Fault): Promise<string | undefined> {
    if (fault.kind !== 'stop') return inflict(fault, this.#rig.relay(this.#index));
    await this.#rig.stop(fault.process, fault.ms);
    return undefined;
  }

  /** Operations since the last fault. */
  #rest(answer: Answer): void {
    if (this.#last !== undefined) {
      this.#results.addRest(since(this.#last.outcome, answer.outcome));
    }
    this.#tell(answer, 'between faults');
  }

  #tell({ notes }: Answer, when: string): void {
    const { setup, workload } = this.#plan;
    for (const note of notes.slice(this.#notes))
      this.#onNote(`${setup} ${workload}, ${when}: ${note}`);
    this.#notes = notes.length;
  }
}
