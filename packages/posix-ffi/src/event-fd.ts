import { readlinkSync } from 'node:fs';
import { EAGAIN, EFD_CLOEXEC, EFD_NONBLOCK, F_GETFL, O_NONBLOCK, POLLOUT } from './constants.js';
import { FileDescriptor } from './file-descriptor.js';
import { check, failed, libc } from './libc.js';
import { NativeMemory } from './native-memory.js';

const COUNTER_BYTES = 8;
// struct pollfd: fd 0, events 4, revents 6.
const POLLFD_BYTES = 8;

/** A new eventfd with the count 0, non-blocking. */
export function createEventFd(): FileDescriptor {
  return FileDescriptor.fromSyscall(libc().eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 'eventfd');
}

/**
 * Whether it is an eventfd. A peer may pass anything; writing to a pipe or a file would do damage.
 */
export function isEventFd(descriptor: FileDescriptor): boolean {
  return readlinkSync(`/proc/self/fd/${descriptor.number}`) === 'anon_inode:[eventfd]';
}

/** The sending end of an eventfd. Never blocks, whatever the peer does to the counter. */
export class EventFdWriter {
  readonly #descriptor: FileDescriptor;
  readonly #libc = libc();
  readonly #count = new NativeMemory(COUNTER_BYTES);
  /** Set if the peer's eventfd is blocking: then a full counter must be detected beforehand. */
  readonly #poll: NativeMemory | undefined;

  constructor(descriptor: FileDescriptor) {
    this.#descriptor = descriptor;
    // O_NONBLOCK belongs to the open file, which the peer shares: setting it here would break a
    // peer that waits in read().
    const flags = check(this.#libc.fcntl(descriptor.number, F_GETFL, 0), 'fcntl');
    if ((flags & O_NONBLOCK) === 0) {
      this.#poll = new NativeMemory(POLLFD_BYTES);
      this.#poll.view.setInt32(0, descriptor.number, true);
      this.#poll.view.setInt16(4, POLLOUT, true);
    }
  }

  /** Add `count`. A counter that is full is left alone: its reader has a signal pending anyway. */
  signal(count = 1): void {
    const fd = this.#descriptor.number;
    if (this.#poll !== undefined && this.#libc.poll(this.#poll.address, 1, 0) !== 1) return;
    // POLLOUT guarantees room for one only.
    this.#count.setWord(0, this.#poll === undefined ? count : 1);
    if (this.#libc.write(fd, this.#count.address, COUNTER_BYTES) !== -1) return;
    if (this.#libc.errno[0] !== EAGAIN) throw failed('write', 'to an eventfd');
  }
}

/** The receiving end of an eventfd of ours. */
export class EventFdReader {
  readonly #descriptor: FileDescriptor;
  readonly #libc = libc();
  readonly #counter = new NativeMemory(COUNTER_BYTES);

  constructor(descriptor: FileDescriptor) {
    this.#descriptor = descriptor;
  }

  /** The signals since the last call, 0 if none. */
  read(): number {
    const { address, view } = this.#counter;
    if (this.#libc.read(this.#descriptor.number, address, COUNTER_BYTES) === -1) {
      if (this.#libc.errno[0] === EAGAIN) return 0;
      throw failed('read', 'from an eventfd');
    }
    return view.getUint32(0, true) + view.getUint32(4, true) * 0x1_0000_0000;
  }
}
