import { F_DUPFD_CLOEXEC, F_GETFD } from './constants.js';
import { check, libc } from './libc.js';

const CLOSED = -1;

/**
 * Owns one file descriptor: the only thing that closes it. The number is on the prototype, so it
 * ends up in no JSON and in no copy of the object.
 */
export class FileDescriptor {
  #number: number;

  private constructor(number: number) {
    this.#number = number;
  }

  /** Take over a number that a system call just returned, or that the parent process left open. */
  static adopt(number: number): FileDescriptor {
    check(libc().fcntl(number, F_GETFD, 0), 'fcntl', `descriptor ${number}`);
    return new FileDescriptor(number);
  }

  /** As {@link adopt}, for a number that is known to be open. */
  static fromSyscall(result: number, syscall: string, detail?: string): FileDescriptor {
    return new FileDescriptor(check(result, syscall, detail));
  }

  get closed(): boolean {
    return this.#number === CLOSED;
  }

  /**
   * The number, for the duration of one system call. Never store it: once closed, it names
   * somebody else's file.
   */
  get number(): number {
    if (this.#number === CLOSED) throw new Error('this descriptor is closed already');
    return this.#number;
  }

  /** A second descriptor of the same open file, owned by the caller. */
  duplicate(): FileDescriptor {
    return FileDescriptor.fromSyscall(libc().fcntl(this.number, F_DUPFD_CLOEXEC, 0), 'fcntl');
  }

  /** Pass the number to a new owner. The object counts as closed. */
  release(): number {
    const { number } = this;
    this.#number = CLOSED;
    return number;
  }

  /** Idempotent. */
  close(): void {
    if (this.#number === CLOSED) return;
    const number = this.#number;
    this.#number = CLOSED;
    // Linux closes the descriptor whatever it answers: there is nothing to retry or to report.
    libc().close(number);
  }
}

/** An open file, as system calls need it. */
export type OpenFile = Pick<FileDescriptor, 'number'>;
