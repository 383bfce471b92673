const word = new Int32Array(1);

/**
 * Keeps the stores before it ahead of the stores after it, for a reader which polls the same
 * memory on another processor.
 */
export function storeFence(): void {
  Atomics.add(word, 0, 1);
}
