import { EINVAL } from '../errno.js';
import { RequestRefusedError, VfioUserError } from '../errors.js';
import { Command, commandName } from '../protocol/constants.js';
import type { RegionData, RequestBodies, RequestMessage } from '../protocol/messages.js';
import type { PushSource } from '../push/push-source.js';
import type { MessageMemory } from '../session/message-memory.js';
import type { Peer } from '../session/peer.js';
import type { Requester } from '../session/request-table.js';
import type { FarLink } from './far-link.js';
import {
  type AccessRequest,
  answerForAbsent,
  ForwardedAccess,
  lasting,
} from './forwarded-access.js';

export type WritesRequest = Extract<RequestMessage, { command: typeof Command.REGION_WRITE_MULTI }>;

export interface RegisterForwarderOptions {
  readonly near: Peer;
  readonly link: FarLink;
  readonly pushes: PushSource;
  readonly maxDataXferSize: number;
  /** How long the device may take nothing of what is sent before it counts as lost, ms. */
  readonly maxStallMs: number;
  /** The client's memory by messages. */
  readonly memory: () => MessageMemory | undefined;
}

/** Passes a client's register accesses on to the device, or answers them while it is out of reach. */
export class RegisterForwarder {
  readonly #options: RegisterForwarderOptions;

  constructor(options: RegisterForwarderOptions) {
    this.#options = options;
  }

  access(request: AccessRequest): void {
    const { near, link, maxDataXferSize } = this.#options;
    const { command, id, noReply, body } = request;
    // While the device is out of reach the answer is made here.
    if (body.count > maxDataXferSize) {
      const text = `${commandName(command)} of ${body.count} bytes, the limit is ${maxDataXferSize}`;
      near.replyError(command, id, noReply, new RequestRefusedError(EINVAL, text));
    } else if (link.up) {
      this.#forward(link.peer, request);
    } else if (!noReply) {
      answerForAbsent(near, request);
    }
  }

  /** One message for many writes saves the client a system call; the device gets them one by one. */
  writes({ command, id, noReply, body }: WritesRequest): void {
    const { near, link } = this.#options;
    if (link.up) {
      let roomLeft = true;
      for (const write of body.writes) {
        roomLeft = link.peer.post(Command.REGION_WRITE, this.#accompanied(write, link.peer));
      }
      if (!roomLeft) this.#waitFor(link.peer);
    }
    if (!noReply) near.reply(command, id, { count: body.writes.length });
  }

  #forward(far: Peer, request: AccessRequest): void {
    if (request.command === Command.REGION_READ) {
      this.#request(far, request.command, request.body, this.#answerTo(request));
      return;
    }
    const body = this.#accompanied(request.body, far);
    if (!request.noReply) this.#request(far, request.command, body, this.#answerTo(request));
    else if (!far.post(request.command, body)) this.#waitFor(far);
  }

  #answerTo(request: AccessRequest): ForwardedAccess {
    return new ForwardedAccess(this.#options.near, request, this.#options.memory());
  }

  /** A client that reuses ids can have more requests under way than the device has ids for. */
  #request<C extends AccessRequest['command']>(
    far: Peer,
    command: C,
    body: RequestBodies[C],
    requester: Requester,
  ): void {
    try {
      if (!far.request(command, body, requester)) this.#waitFor(far);
    } catch (error) {
      requester.onFailure(error as Error);
    }
  }

  /** A register write on its way to the device, with what the device wants along with it. */
  #accompanied({ region, offset, count, data }: RegionData, far: Peer): RegionData {
    const write = { region, offset, count, data: lasting(data) };
    return this.#options.pushes.accompany(write, far.extensions.maxPushBytes);
  }

  /**
   * The device takes no more for now: neither do we. What the client asks meanwhile waits behind
   * it, so a device that takes nothing for too long counts as lost.
   */
  #waitFor(far: Peer): void {
    const { near, maxStallMs } = this.#options;
    const { connection } = near;
    const text = `the device took nothing for ${maxStallMs / 1000} s`;
    const giveUp = (): void => far.abort(new VfioUserError('VFU_TIMEOUT', text));
    const timer = setTimeout(giveUp, maxStallMs).unref();
    connection.pause();
    void far.drained().then(() => {
      clearTimeout(timer);
      connection.resume();
    });
  }
}
