/** An object that must be closed before its parent. */
export interface Closable {
  close(): void;
}

/** Closes all of them, then throws the first error. */
export function closeAll(children: Iterable<Closable>): void {
  let failure: unknown;
  // A copy: each removes itself from its parent's set.
  for (const child of [...children]) {
    try {
      child.close();
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}
