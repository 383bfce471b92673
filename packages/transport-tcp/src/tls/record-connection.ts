import type { FramedConnection } from '@vfio-user/core/transport';
import { canUseAead, unavailableReason } from '@vfio-user/posix-ffi';
import type { ConnectionParts } from '../connection-parts.js';
import type { TcpSettings } from '../options.js';
import type { RawSocket } from '../stack/stack.js';
import { HandshakeStream } from './handshake-stream.js';
import { recordLayer } from './record-port.js';
import { type SecureClientOptions, secureClient } from './secure-client.js';

/** Whether records can be made here, on the kernel's sockets: otherwise Node does it. */
export function canSealRecords({ systemCalls }: TcpSettings): boolean {
  return systemCalls && unavailableReason() === undefined && canUseAead();
}

/** A connection of a client, after a handshake by Node. */
export async function clientConnection(
  socket: RawSocket,
  parts: ConnectionParts,
  options: SecureClientOptions,
): Promise<FramedConnection> {
  const handshake = new HandshakeStream(socket.lend(), 'client');
  await secureClient(handshake, { ...options, handshake });
  return recordConnection(socket, parts, handshake);
}

/** Go on after a handshake of a lent socket. */
export function recordConnection(
  socket: RawSocket,
  parts: ConnectionParts,
  { result }: HandshakeStream,
): FramedConnection {
  return socket.connection(parts, recordLayer({ peer: parts.peer, ...result }));
}
