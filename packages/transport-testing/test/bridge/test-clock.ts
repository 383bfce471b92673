import { mock } from 'node:test';
import type { Test } from 'tap';
import { turns } from './bridge-fixture.js';

/** After so much time everybody has a few turns, ms: what is asked in an interval can be answered. */
const STEP_MS = 50;
/** What the kernel and other threads have of each step, in real ms: they know nothing of this clock. */
const REAL_STEP_MS = 1;
/** The real one, also while a test has its own. */
const { setTimeout: setRealTimeout } = globalThis;

/** Timers, `AbortSignal.timeout` and `performance.now`, which go on as the test says. */
export class TestClock {
  #passedMs = 0;

  /**
   * To be called before anything starts that looks at the time.
   * @param start what `performance.now()` says first, ms.
   */
  constructor(t: Test, start = performance.now()) {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    mock.method(performance, 'now', () => start + this.#passedMs);
    mock.method(AbortSignal, 'timeout', (ms: number) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(new DOMException('too late', 'TimeoutError')), ms);
      return controller.signal;
    });
    t.teardown(() => {
      mock.timers.reset();
      mock.restoreAll();
    });
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      const step = Math.min(left, STEP_MS);
      this.#passedMs += step;
      mock.timers.tick(step);
      await turns();
      await new Promise((resolve) => setRealTimeout(resolve, REAL_STEP_MS));
    }
  }

  /** Time passes until this has settled. */
  async until<T>(outcome: Promise<T>): Promise<T> {
    let settled = false;
    const done = outcome.finally(() => {
      settled = true;
    });
    done.catch(() => {});
    while (!settled) await this.pass(STEP_MS);
    return done;
  }
}
