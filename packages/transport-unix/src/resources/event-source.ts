import type { Descriptor, EventSource, Notifier } from '@vfio-user/core';
import {
  createEventFd,
  EventFdReader,
  EventFdWriter,
  type FileDescriptor,
  Poller,
} from '@vfio-user/posix-ffi';

/** An eventfd of ours that the peer signals. */
export class EventFdSource implements EventSource {
  readonly #file: FileDescriptor;
  readonly #poller: Poller;

  constructor(onSignal: (count: number) => void) {
    this.#file = createEventFd();
    const reader = new EventFdReader(this.#file);
    this.#poller = new Poller(this.#file, () => {
      const count = reader.read();
      if (count > 0) onSignal(count);
    });
    this.#poller.watch(true, false);
  }

  descriptor(): Descriptor {
    return this.#file.duplicate();
  }

  close(): void {
    this.#poller.close();
    this.#file.close();
  }
}

/** An eventfd of the peer that we signal. */
export class EventFdNotifier implements Notifier {
  readonly #file: FileDescriptor;
  readonly #writer: EventFdWriter;

  /** Owns the descriptor, which must be an eventfd, once it is constructed. */
  constructor(file: FileDescriptor) {
    this.#writer = new EventFdWriter(file);
    this.#file = file;
  }

  signal(count?: number): void {
    this.#writer.signal(count);
  }

  close(): void {
    this.#file.close();
  }
}
