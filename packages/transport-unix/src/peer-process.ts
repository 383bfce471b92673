import { type FileDescriptor, type PeerCredentials, peerCredentials } from '@vfio-user/posix-ffi';

/** Who is at the other end, and whether that process could do us harm anyway. */
export interface PeerProcess {
  /** For logs. */
  readonly name: string;
  /** It runs as the same user as we do, or as root. */
  readonly trusted: boolean;
}

/** Ask the kernel, which the peer cannot deceive. */
export function identifyPeer(socket: FileDescriptor): PeerProcess {
  const { pid, uid }: PeerCredentials = peerCredentials(socket);
  return {
    name: `process ${pid} of user ${uid}`,
    trusted: uid === 0 || uid === process.geteuid?.(),
  };
}
