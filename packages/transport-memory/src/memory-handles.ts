/**
 * Counts what would be an open file descriptor elsewhere: descriptors, mappings, event ends. A test
 * compares two counts to find what was not closed.
 */
export class MemoryHandles {
  open = 0;
}

/** Counts as open until it is closed; harmless the second time. */
export class MemoryHandle {
  protected readonly handles: MemoryHandles;
  #closed = false;

  constructor(handles: MemoryHandles) {
    this.handles = handles;
    handles.open++;
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    if (!this.#closed) this.handles.open--;
    this.#closed = true;
  }
}
