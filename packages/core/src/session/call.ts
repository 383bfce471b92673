import type { RemoteError } from '../errors.js';
import type {
  KnownCommand,
  ReplyBodies,
  ReplyMessage,
  RequestBodies,
} from '../protocol/messages.js';
import type { Descriptor } from '../transport/resources.js';
import type { Peer } from './peer.js';
import type { Received } from './request-table.js';

/**
 * One request as a promise. `pick` takes what is wanted out of the reply before the reply's memory
 * is reused, and the descriptors it keeps out of `received`.
 * @throws {RemoteError} when the server refuses, `VFU_PEER_CLOSED` or `VFU_TIMEOUT` without an answer.
 */
export function call<C extends KnownCommand, T>(
  peer: Peer,
  command: C,
  body: RequestBodies[C],
  pick: (body: ReplyBodies[C], received: Received) => T,
  descriptors?: readonly Descriptor[],
  onLateRefusal?: (error: RemoteError) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onReply = (reply: ReplyMessage, received: Received): void => {
      try {
        // The request table has checked that the reply is for this command.
        resolve(pick(reply.body as ReplyBodies[C], received));
      } catch (error) {
        reject(error);
      }
    };
    try {
      const requester = { onReply, onFailure: reject, ...(onLateRefusal && { onLateRefusal }) };
      peer.request(command, body, requester, descriptors);
    } catch (error) {
      for (const descriptor of descriptors ?? []) descriptor.close();
      throw error;
    }
  });
}
