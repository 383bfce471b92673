import { EINTR, EIO, F_GETFL } from './constants.js';
import type { FileDescriptor } from './file-descriptor.js';
import { check, failed, libc } from './libc.js';
import { addressOf } from './native-memory.js';
import { SystemError } from './system-error.js';

/** How a file was opened: the flags of `open`, as far as the kernel keeps them. */
export function openFlags(file: FileDescriptor): number {
  return check(libc().fcntl(file.number, F_GETFL, 0), 'fcntl', 'F_GETFL');
}

/** Fill `target` from a position of the file. @throws {SystemError} EIO when the file ends before. */
export function readFully(file: FileDescriptor, position: number, target: Uint8Array): void {
  transfer('pread', file, position, target);
}

/** Write all of `source` to a position of the file. */
export function writeFully(file: FileDescriptor, position: number, source: Uint8Array): void {
  transfer('pwrite', file, position, source);
}

function transfer(
  name: 'pread' | 'pwrite',
  file: FileDescriptor,
  position: number,
  bytes: Uint8Array,
): void {
  const address = addressOf(bytes);
  for (let done = 0; done < bytes.length; ) {
    const count = libc()[name](file.number, address + done, bytes.length - done, position + done);
    if (count > 0) done += count;
    else if (count === 0) throw new SystemError(EIO, name, `at ${position + done}: the file ended`);
    else if (libc().errno[0] !== EINTR) throw failed(name, `at ${position + done}`);
  }
}
