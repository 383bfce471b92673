import {
  type FileDescriptor,
  IPPROTO_TCP,
  setSocketOption,
  TCP_NODELAY,
} from '@vfio-user/posix-ffi';

/** Send small messages at once. Sockets other than those of TCP do so anyway, and know no such option. */
export function trySetNoDelay(socket: FileDescriptor): void {
  try {
    setSocketOption(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  } catch {}
}
