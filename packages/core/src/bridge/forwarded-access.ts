import { EINVAL } from '../errno.js';
import { RemoteError, RequestRefusedError, VfioUserError } from '../errors.js';
import type { MessageMemory } from '../memory/message-memory.js';
import { Command } from '../protocol/constants.js';
import { INLINE_DATA_BYTES } from '../protocol/encoding.js';
import type { RegionData, ReplyMessage, RequestMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { Requester } from '../session/request-table.js';
import type { FarLink } from './far-link.js';

export type AccessRequest = Extract<
  RequestMessage,
  { command: typeof Command.REGION_READ | typeof Command.REGION_WRITE }
>;

/** What a bus reads where nothing answers. */
const ALL_ONES = 0xff;

/**
 * A register access on its way to the device and back. If the device is out of reach, or does not
 * answer in time, the client is answered as by a slot that was pulled: reads give all ones, writes
 * go nowhere. The device may still get them.
 */
export class ForwardedAccess implements Requester {
  readonly #near: Peer;
  readonly #link: FarLink;
  readonly #request: AccessRequest;
  readonly #memory: MessageMemory | undefined;
  readonly #signsOfLife: number;

  /** @param memory the client's: what the device wrote there must be ahead of the reply to a read. */
  constructor(
    near: Peer,
    link: FarLink,
    request: AccessRequest,
    memory: MessageMemory | undefined,
  ) {
    this.#near = near;
    this.#link = link;
    this.#request = request;
    this.#memory = memory;
    this.#signsOfLife = link.peer.signsOfLife;
  }

  onReply(reply: ReplyMessage): void {
    const { id, noReply } = this.#request;
    if (noReply) return;
    if (reply.command === Command.REGION_READ) this.#replyRead(reply.body);
    else if (reply.command === Command.REGION_WRITE) {
      this.#near.reply(Command.REGION_WRITE, id, reply.body);
    }
  }

  onFailure(error: Error): void {
    const { command, id, noReply } = this.#request;
    if (error instanceof RemoteError) {
      this.#near.replyError(command, id, noReply, refusedByDevice(error));
      return;
    }
    if (VfioUserError.is(error) && error.code === 'VFU_TIMEOUT') {
      this.#link.leftUnanswered(this.#signsOfLife);
    }
    if (!noReply) answerForAbsent(this.#near, this.#request);
  }

  /** PCI ordering: a read completion pushes the writes issued before it. */
  #replyRead(body: RegionData | undefined): void {
    const { id } = this.#request;
    if (body === undefined) {
      this.#near.reply(Command.REGION_READ, id, undefined);
    } else if (this.#memory === undefined || this.#memory.writesHaveLeft) {
      this.#near.reply(Command.REGION_READ, id, { ...body, data: lasting(body.data) });
    } else {
      const held = { ...body, data: body.data.slice() };
      this.#memory.afterWrites(() => this.#near.reply(Command.REGION_READ, id, held));
    }
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

/** Hand on to the client why the device refused. */
export function refusedByDevice(error: RemoteError): RequestRefusedError {
  return new RequestRefusedError(error.errno === 0 ? EINVAL : error.errno, error.message, {
    cause: error,
  });
}
