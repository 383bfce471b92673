import type { Frame, FrameSink } from '@vfio-user/core';

/** The sink of the bootstrap connection: for the setup first, then for its successor. */
export class BootstrapSink implements FrameSink {
  #target: FrameSink;
  #closed: { readonly error: Error | undefined } | undefined;

  constructor(first: FrameSink) {
    this.#target = first;
  }

  /** Report to `target` from now on; at once if the connection has ended already. */
  handTo(target: FrameSink): void {
    this.#target = target;
    if (this.#closed !== undefined) target.onClose(this.#closed.error);
  }

  onFrame(frame: Frame): void {
    this.#target.onFrame(frame);
  }

  onDrain(): void {
    this.#target.onDrain();
  }

  onClose(error?: Error): void {
    this.#closed = { error };
    this.#target.onClose(error);
  }
}
