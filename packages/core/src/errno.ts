/**
 * Linux error numbers, as vfio-user messages carry them on any host (vfio-user specification,
 * "Header": error_no).
 */
export const EPERM = 1;
export const ENOENT = 2;
export const EIO = 5;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOSPC = 28;
export const ERANGE = 34;
export const ENOSYS = 38;
export const EPROTO = 71;
export const EOVERFLOW = 75;
export const EOPNOTSUPP = 95;
export const ENETUNREACH = 101;
export const ECONNRESET = 104;
export const ENOTCONN = 107;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const EHOSTUNREACH = 113;
export const ECANCELED = 125;

const texts: ReadonlyMap<number, string> = new Map([
  [EPERM, 'operation not permitted'],
  [ENOENT, 'no such entry'],
  [EIO, 'input/output error'],
  [EBADF, 'bad descriptor'],
  [EAGAIN, 'try again'],
  [ENOMEM, 'out of memory'],
  [EACCES, 'permission denied'],
  [EFAULT, 'bad address'],
  [EBUSY, 'busy'],
  [EEXIST, 'already exists'],
  [ENODEV, 'no such device'],
  [EINVAL, 'invalid argument'],
  [ENOSPC, 'no space left'],
  [ERANGE, 'out of range'],
  [ENOSYS, 'not implemented'],
  [EPROTO, 'protocol error'],
  [EOVERFLOW, 'value too large'],
  [EOPNOTSUPP, 'not supported'],
  [ENETUNREACH, 'network unreachable'],
  [ECONNRESET, 'connection reset'],
  [ENOTCONN, 'not connected'],
  [ETIMEDOUT, 'timed out'],
  [ECONNREFUSED, 'connection refused'],
  [EHOSTUNREACH, 'no route to host'],
  [ECANCELED, 'cancelled'],
]);

/** Text of a Linux errno, for example `invalid argument (errno 22)`. */
export function errnoText(errno: number): string {
  const text = texts.get(errno);
  return text === undefined ? `errno ${errno}` : `${text} (errno ${errno})`;
}
