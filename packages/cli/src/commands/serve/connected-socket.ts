import { FileDescriptor, isListening, isUnixStream } from '@vfio-user/posix-ffi';

/**
 * Whether a URI names an inherited socket that is connected already. Nobody else can come through
 * it, so a server has nothing left to do once that one client has gone.
 */
export function isConnectedSocket(listen: string): boolean {
  const number = /^fd:(\d+)$/.exec(listen)?.[1];
  if (number === undefined) return false;
  // Looked at only: closing it is up to the transport.
  const socket = FileDescriptor.adopt(Number(number));
  return isUnixStream(socket) && !isListening(socket);
}
