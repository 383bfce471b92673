import { ENODATA } from './constants.js';
import type { OpenFile } from './file-descriptor.js';
import { check, failed, libc } from './libc.js';
import { NativeMemory } from './native-memory.js';

/** `fsetxattr` fails when the attribute is there already. */
const XATTR_CREATE = 1;

/**
 * The value of an extended attribute of a file, `undefined` when it has none of this name.
 * @throws {SystemError} EOPNOTSUPP where the file system has none at all, ERANGE when the value is
 * longer than `maxBytes`.
 */
export function getAttribute(
  file: OpenFile,
  name: string,
  maxBytes: number,
): Uint8Array | undefined {
  const value = new NativeMemory(maxBytes);
  const length = libc().fgetxattr(file.number, name, value.address, maxBytes);
  if (length !== -1) return value.bytes.subarray(0, length);
  if (libc().errno[0] === ENODATA) return undefined;
  throw failed('fgetxattr', name);
}

/** Give a file an extended attribute that it does not have. @throws {SystemError} as above; EEXIST. */
export function createAttribute(file: OpenFile, name: string, value: Uint8Array): void {
  const memory = new NativeMemory(value.length);
  memory.bytes.set(value);
  const { address } = memory;
  check(
    libc().fsetxattr(file.number, name, address, value.length, XATTR_CREATE),
    'fsetxattr',
    name,
  );
}
