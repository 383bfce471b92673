import { RemoteError } from '../errors.js';
import { Command } from '../protocol/constants.js';
import { INLINE_DATA_BYTES } from '../protocol/encoding.js';
import type { ReplyMessage, RequestMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { Requester } from '../session/request-table.js';

export type AccessRequest = Extract<
  RequestMessage,
  { command: typeof Command.REGION_READ | typeof Command.REGION_WRITE }
>;

/** What a bus reads where nothing answers. */
const ALL_ONES = 0xff;

/**
 * A register access on its way to the device and back. If the device is out of reach the client is
 * answered as by a slot that was pulled: reads give all ones, writes go nowhere.
 */
export class ForwardedAccess implements Requester {
  readonly #near: Peer;
  readonly #request: AccessRequest;

  constructor(near: Peer, request: AccessRequest) {
    this.#near = near;
    this.#request = request;
  }

  onReply(reply: ReplyMessage): void {
    const { id } = this.#request;
    if (reply.command === Command.REGION_READ) {
      const { body } = reply;
      this.#near.reply(
        Command.REGION_READ,
        id,
        body === undefined ? undefined : { ...body, data: lasting(body.data) },
      );
    } else if (reply.command === Command.REGION_WRITE) {
      this.#near.reply(Command.REGION_WRITE, id, reply.body);
    }
  }

  onFailure(error: Error): void {
    const { command, id, noReply } = this.#request;
    if (error instanceof RemoteError) this.#near.replyError(command, id, noReply, error);
    else if (!noReply) answerForAbsent(this.#near, this.#request);
  }
}

/** Answer a register access while the device is out of reach. */
export function answerForAbsent(near: Peer, request: AccessRequest): void {
  const { offset, region, count } = request.body;
  if (request.command === Command.REGION_READ) {
    const data = new Uint8Array(count).fill(ALL_ONES);
    near.reply(
      Command.REGION_READ,
      request.id,
      count === 0 ? undefined : { offset, region, count, data },
    );
  } else {
    near.reply(
      Command.REGION_WRITE,
      request.id,
      count === 0 ? undefined : { offset, region, count },
    );
  }
}

/** Large data is sent by reference, so it must not lie in the memory it was received in. */
export function lasting(data: Uint8Array): Uint8Array {
  return data.length > INLINE_DATA_BYTES ? data.slice() : data;
}
