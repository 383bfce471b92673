/**
 * Counts what would be an open file descriptor elsewhere: descriptors, mappings, event ends. A test
 * compares two counts to find what was not closed.
 */
export class MemoryHandles {
  open = 0;

  /** @returns closes the handle; harmless the second time. */
  take(): () => void {
    this.open++;
    let taken = true;
    return () => {
      if (taken) this.open--;
      taken = false;
    };
  }
}
