import { VfioUserError } from '../errors.js';

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
