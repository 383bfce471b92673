import { createEventFd, createMemoryFile, type FileDescriptor } from '@vfio-user/posix-ffi';
import type { RecordedDescriptor } from '@vfio-user/transport-testing';

/** Makes descriptors of the recorded kinds: memory is as large as it was, but empty. */
export class DescriptorStore {
  readonly #files = new Map<number, FileDescriptor>();
  readonly #events: FileDescriptor[] = [];

  /** They stay the store's. */
  make(recorded: readonly RecordedDescriptor[] = []): readonly FileDescriptor[] {
    return recorded.map((each) => (each.kind === 'event' ? this.#event() : this.#memory(each)));
  }

  close(): void {
    for (const descriptor of [...this.#files.values(), ...this.#events]) descriptor.close();
  }

  #event(): FileDescriptor {
    const event = createEventFd();
    this.#events.push(event);
    return event;
  }

  /** Memory that was passed before is passed again: the server tells by it what is mapped twice. */
  #memory({ file, size }: Extract<RecordedDescriptor, { kind: 'memory' }>): FileDescriptor {
    const memory = this.#files.get(file) ?? createMemoryFile('guest', size);
    this.#files.set(file, memory);
    return memory;
  }
}
