import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaultKind } from '../plan/faults.js';
import { planFaults } from '../plan/plan.js';
import { type SetupName, sessionsOver } from '../plan/sessions.js';
import { isEncrypted } from '../plan/units.js';
import { makeCertificates, noQueries } from './certificates.js';
import type { Results } from './results.js';
import { type LinkCounts, NO_LINKS, Rig } from './rig.js';
import { SessionRun } from './session-run.js';

export interface ChaosOptions {
  readonly seed: number;
  readonly faults: number;
  readonly setups: readonly SetupName[];
  readonly kinds: readonly FaultKind[];
}

export interface Chaos {
  readonly links: LinkCounts;
  /** What went wrong, in words; none: all is well. */
  readonly faults: readonly string[];
}

/** Run devices while their links fail. */
export async function runChaos(options: ChaosOptions, results: Results): Promise<Chaos> {
  const { setups } = options;
  const plans = planFaults({ ...options, sessions: sessionsOver(setups) });
  const folder = mkdtempSync(join(tmpdir(), 'vfio-user-chaos-'));
  const isSecure = setups.some(isEncrypted);
  const certificates = isSecure ? makeCertificates(folder) : noQueries;
  const wrong: string[] = [];
  let giveUp = (_reason: string): void => {};
  const failed = new Promise<never>((_, reject) => {
    giveUp = (reason) => reject(new Error(reason));
  });
  // It may come while nobody waits.
  failed.catch(() => {});

  const rigs: Rig[] = [];
  let links = NO_LINKS;
  try {
    const runs: Promise<void>[] = [];
    for (const setup of setups) {
      const rig = await Rig.start({
        setup,
        folder,
        certificates,
        onFailure: (reason, answer) => giveUp([reason, ...(answer?.notes ?? [])].join('\n')),
      });
      rigs.push(rig);
      const own = plans.filter((plan) => plan.setup === setup);
      for (const [index, plan] of own.entries()) {
        const session = new SessionRun(rig, index, plan, results, (note) => wrong.push(note));
        const run = session.run();
        run.catch((error: Error) => giveUp(error.message));
        runs.push(run);
      }
    }
    await Promise.race([failed, Promise.all(runs)]);
  } catch (error) {
    wrong.push((error as Error).message, ...rigs.flatMap(({ log }) => log));
  } finally {
    for (const rig of rigs) {
      const { resumes, framesSentAgain } = await rig.close();
      links = {
        resumes: links.resumes + resumes,
        framesSentAgain: links.framesSentAgain + framesSentAgain,
      };
    }
    rmSync(folder, { recursive: true, force: true });
  }
  return { links, faults: wrong };
}
