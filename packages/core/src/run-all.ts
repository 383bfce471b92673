/** Run every step, also after one failed: one that fails keeps none of the others. */
export function runAll(steps: Iterable<() => unknown>, failed: (error: unknown) => void): void {
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      failed(error);
    }
  }
}
