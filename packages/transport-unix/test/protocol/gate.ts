import type { Dma, Iova } from '@vfio-user/core';
/** A promise that a test settles when it likes. */
export class Gate {
  readonly passed: Promise<void>;
  #open: () => void = () => {};
  #fail: (error: Error) => void = () => {};

  constructor() {
    this.passed = new Promise((resolve, reject) => {
      this.#open = resolve;
      this.#fail = reject;
    });
  }

  open(): void {
    this.#open();
  }

  fail(error: Error): void {
    this.#fail(error);
  }
}

/** Let everything that is ready happen. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Wait until something that happens by itself has happened. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within 5 s`);
    await turn();
  }
}

/** The errno that a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<number> {
  try {
    await promise;
  } catch (error) {
    return (error as { errno: number }).errno;
  }
  throw new Error('it did not fail');
}

/** Read if all of the range is in shared memory and nothing has to be waited for. */
export function tryRead(dma: Dma, iova: Iova, target: Uint8Array): boolean {
  const range = dma.range(iova, target.length, 'read');
  return range.local && range.read(target) === undefined;
}

/** As {@link tryRead}. */
export function tryWrite(dma: Dma, iova: Iova, source: Uint8Array): boolean {
  const range = dma.range(iova, source.length, 'write');
  return range.local && range.write(source) === undefined;
}
