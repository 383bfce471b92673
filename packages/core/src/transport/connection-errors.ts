import { VfioUserError } from '../errors.js';
import type { TransportCapabilities } from './transport.js';

/** The send queue exceeded its limit. */
export function leavesUnread(peer: string, bytes: number): VfioUserError {
  return new VfioUserError(
    'VFU_PEER_CLOSED',
    `${peer} leaves ${bytes} bytes unread: connection ended`,
  );
}

/** The stream ended within a message. */
export function cutOff(peer: string, bytes: number): VfioUserError {
  return new VfioUserError(
    'VFU_PEER_CLOSED',
    `${peer} closed the connection in the middle of a message, ${bytes} bytes into it`,
  );
}

/** `close()` timed out before all was sent. */
export function closeTimedOut(peer: string, bytes: number, timeoutMs: number): VfioUserError {
  return new VfioUserError(
    'VFU_TIMEOUT',
    `${peer} did not read the last ${bytes} bytes within ${timeoutMs} ms`,
  );
}

/** The listener was closed before a connection was established. */
export function listenedNoMore(uri: string): VfioUserError {
  return new VfioUserError('VFU_PEER_CLOSED', `${uri} is listened on no more`);
}

/** A message has more descriptors than can be passed. */
export function cannotPass(count: number, capabilities: TransportCapabilities): VfioUserError {
  const { maxDescriptors, fdPassing } = capabilities;
  const text = fdPassing
    ? `${count} descriptors in one message, at most ${maxDescriptors} can be passed: split them`
    : 'descriptors cannot be passed on this connection';
  return new VfioUserError('VFU_UNSUPPORTED', text);
}
