import type { PeerIdentity } from '@vfio-user/core';
import { type FileDescriptor, type PeerCredentials, peerCredentials } from '@vfio-user/posix-ffi';

/** The process at the other end, and whether it is trusted. */
export interface PeerProcess {
  /** For logs. */
  readonly name: string;
  /** Of whoever is on this host as the same user. */
  readonly identity: PeerIdentity;
  /** It runs as the same user as this process, or as root. */
  readonly trusted: boolean;
}

/** Ask the kernel, which the peer cannot deceive. */
export function identifyPeer(socket: FileDescriptor): PeerProcess {
  const { pid, uid }: PeerCredentials = peerCredentials(socket);
  return {
    name: `process ${pid} of user ${uid}`,
    identity: { address: `user ${uid}` },
    trusted: uid === 0 || uid === process.geteuid?.(),
  };
}
