/** Something that must be closed before what it belongs to. */
export interface Closable {
  close(): void;
}

/** Closes each of them, whatever fails, and throws the first failure at the end. */
export function closeAll(children: Iterable<Closable>): void {
  let failure: unknown;
  // A copy: each takes itself out of its parent's set.
  for (const child of [...children]) {
    try {
      child.close();
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}
