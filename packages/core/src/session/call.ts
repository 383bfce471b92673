import type { RemoteError } from '../errors.js';
import type {
  KnownCommand,
  ReplyBodies,
  ReplyMessage,
  RequestBodies,
} from '../protocol/messages.js';
import { closeAll, type Descriptor } from '../transport/resources.js';
import type { Peer } from './peer.js';
import type { ReceivedDescriptors, Requester } from './request-table.js';

export interface CallOptions {
  /**
   * Aborts the call: it rejects with the reason at once, and the reply is dropped. The server may
   * still carry out the request.
   */
  readonly signal?: AbortSignal | undefined;
}

export interface LateCallOptions extends CallOptions {
  /** See {@link Requester.onLateRefusal}. */
  readonly onLateRefusal?: (error: RemoteError) => void;
}

/**
 * Send one request. `pick` reads the reply while its memory is valid, and removes the descriptors
 * it keeps from `received`.
 * @throws {RemoteError} when the server refuses, `VFU_PEER_CLOSED` or `VFU_TIMEOUT` without a
 * reply.
 */
export function call<C extends KnownCommand, T>(
  peer: Peer,
  command: C,
  body: RequestBodies[C],
  pick: (body: ReplyBodies[C], received: ReceivedDescriptors) => T,
  descriptors?: readonly Descriptor[],
  options?: LateCallOptions,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onReply = (reply: ReplyMessage, received: ReceivedDescriptors): void => {
      try {
        // The request table has checked that the reply matches the command.
        resolve(pick(reply.body as ReplyBodies[C], received));
      } catch (error) {
        reject(error);
      }
    };
    const onLateRefusal = options?.onLateRefusal;
    const requester = { onReply, onFailure: reject, ...(onLateRefusal && { onLateRefusal }) };
    const signal = options?.signal;
    try {
      if (signal === undefined) peer.request(command, body, requester, descriptors);
      else requestUntilAborted(peer, command, body, requester, descriptors, signal);
    } catch (error) {
      if (descriptors !== undefined) closeAll(descriptors);
      throw error;
    }
  });
}

function requestUntilAborted<C extends KnownCommand>(
  peer: Peer,
  command: C,
  body: RequestBodies[C],
  requester: Requester,
  descriptors: readonly Descriptor[] | undefined,
  signal: AbortSignal,
): void {
  signal.throwIfAborted();
  const onAbort = (): void => peer.requests.cancel(watched, signal.reason);
  const watched: Requester = {
    ...requester,
    onReply(reply, received) {
      signal.removeEventListener('abort', onAbort);
      requester.onReply(reply, received);
    },
    onFailure(error) {
      signal.removeEventListener('abort', onAbort);
      requester.onFailure(error);
    },
  };
  peer.request(command, body, watched, descriptors, watched);
  signal.addEventListener('abort', onAbort, { once: true });
}
