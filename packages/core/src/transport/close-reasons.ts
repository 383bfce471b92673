import { VfioUserError } from '../errors.js';

/** The peer lets the send queue grow beyond its limit. */
export function leavesUnread(peer: string, bytes: number): VfioUserError {
  return new VfioUserError(
    'VFU_PEER_CLOSED',
    `${peer} leaves ${bytes} bytes unread: connection ended`,
  );
}

/** The stream ended between the first and the last byte of a message. */
export function cutOff(peer: string, bytes: number): VfioUserError {
  return new VfioUserError(
    'VFU_PEER_CLOSED',
    `${peer} closed the connection in the middle of a message, ${bytes} bytes into it`,
  );
}

/** `close()` could not get rid of what was queued. */
export function closeTimedOut(peer: string, bytes: number, timeoutMs: number): VfioUserError {
  return new VfioUserError(
    'VFU_TIMEOUT',
    `${peer} did not read the last ${bytes} bytes within ${timeoutMs} ms`,
  );
}
