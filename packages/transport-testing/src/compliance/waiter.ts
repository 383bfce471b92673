/** Timeout of a wait, ms: only a failing test reaches it. */
const TIMEOUT_MS = 10_000;
/** The real one, also where a test has a clock of its own: what is waited for takes real time. */
const { setTimeout: setRealTimeout } = globalThis;

interface Waiting {
  readonly condition: () => boolean;
  readonly resolve: () => void;
}

/** Waits for conditions that change when somebody calls {@link changed}. */
export class Waiter {
  #waiting: Waiting[] = [];

  changed(): void {
    if (this.#waiting.length === 0) return;
    const met = this.#waiting.filter(({ condition }) => condition());
    if (met.length === 0) return;
    this.#waiting = this.#waiting.filter((waiting) => !met.includes(waiting));
    for (const { resolve } of met) resolve();
  }

  /** @param what is waited for, for the error text. */
  async until(condition: () => boolean, what: string): Promise<void> {
    if (condition()) return;
    let timer: NodeJS.Timeout | undefined;
    const happened = new Promise<void>((resolve, reject) => {
      const failure = new Error(`waited in vain for ${what}`);
      timer = setRealTimeout(() => reject(failure), TIMEOUT_MS);
      this.#waiting.push({ condition, resolve });
    });
    try {
      await happened;
    } finally {
      clearTimeout(timer);
    }
  }
}
