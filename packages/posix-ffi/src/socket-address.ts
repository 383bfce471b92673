import { AF_UNIX } from './constants.js';

/** Bytes of a path in `struct sockaddr_un`, without the terminating NUL. */
export const UNIX_PATH_BYTES = 107;

/**
 * A `struct sockaddr_un`. A leading `@` means the abstract namespace, as it does in `ss` and
 * `/proc/net/unix`.
 * @throws {RangeError} when the name does not fit or contains a NUL.
 */
export function unixSocketAddress(path: string): Uint8Array {
  const abstract = path.startsWith('@');
  const name = Buffer.from(abstract ? path.slice(1) : path);
  if (name.length === 0 || name.includes(0)) {
    throw new RangeError(`not a socket path: ${JSON.stringify(path)}`);
  }
  if (name.length > UNIX_PATH_BYTES) {
    throw new RangeError(
      `a socket path has at most ${UNIX_PATH_BYTES} bytes, this one has ${name.length}: ${path}`,
    );
  }
  // Both forms have one NUL more than the name: a path ends with it, an abstract name starts with it.
  const address = new Uint8Array(2 + name.length + 1);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, abstract ? 3 : 2);
  return address;
}
