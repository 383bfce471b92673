import { EINVAL } from '../errno.js';
import { RemoteError, RequestRefusedError, VfioUserError } from '../errors.js';
import type { HostEnd } from '../host-end/host-end.js';
import { INLINE_DATA_BYTES } from '../protocol/encoding.js';
import { Command } from '../protocol/enums.js';
import type { ReplyMessage, RequestMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { Requester } from '../session/request-table.js';
import type { DeviceLink } from './device-link.js';

export type AccessRequest = Extract<
  RequestMessage,
  { command: typeof Command.REGION_READ | typeof Command.REGION_WRITE }
>;

/** What a bus reads where no device answers. */
const ALL_ONES = 0xff;

/**
 * A register access forwarded to the device. If the device is unreachable or too slow, the client
 * is answered as by an empty slot: reads return all ones, writes are dropped. A slow device may
 * still carry it out.
 */
export class ForwardedAccess implements Requester {
  readonly #host: HostEnd;
  readonly #link: DeviceLink;
  readonly #request: AccessRequest;
  readonly #signsOfLife: number;

  constructor(host: HostEnd, link: DeviceLink, request: AccessRequest) {
    this.#host = host;
    this.#link = link;
    this.#request = request;
    this.#signsOfLife = link.peer.signsOfLife;
  }

  onReply(reply: ReplyMessage): void {
    const { id, noReply } = this.#request;
    if (noReply) return;
    if (reply.command === Command.REGION_READ) {
      const { body } = reply;
      if (body !== undefined) this.#link.told.registers(body);
      this.#host.replyRead(id, body && { ...body, data: lasting(body.data) });
    } else if (reply.command === Command.REGION_WRITE) {
      this.#host.peer.reply(Command.REGION_WRITE, id, reply.body);
    }
  }

  onFailure(error: Error): void {
    const { command, id, noReply } = this.#request;
    if (error instanceof RemoteError) {
      this.#host.peer.replyError(command, id, noReply, refusedByDevice(error));
      return;
    }
    if (VfioUserError.is(error) && error.code === 'VFU_TIMEOUT') {
      this.#link.leftUnanswered(this.#signsOfLife);
    }
    if (!noReply) answerForAbsent(this.#host.peer, this.#request);
  }
}

/** Answer a register access in place of an unreachable device. */
export function answerForAbsent(client: Peer, request: AccessRequest): void {
  const { offset, region, count } = request.body;
  const access = count === 0 ? undefined : { offset, region, count };
  if (request.command === Command.REGION_READ) {
    const data = new Uint8Array(count).fill(ALL_ONES);
    client.reply(Command.REGION_READ, request.id, access && { ...access, data });
  } else {
    client.reply(Command.REGION_WRITE, request.id, access);
  }
}

/** Large data is sent by reference: copy it out of the receive buffer. */
export function lasting(data: Uint8Array): Uint8Array {
  return data.length > INLINE_DATA_BYTES ? data.slice() : data;
}

/** The device's refusal, for the client. */
export function refusedByDevice(error: RemoteError): RequestRefusedError {
  return new RequestRefusedError(error.errno === 0 ? EINVAL : error.errno, error.message, {
    cause: error,
  });
}
