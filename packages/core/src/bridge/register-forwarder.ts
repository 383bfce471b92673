import type { PushSource } from '../device-end/push-source.js';
import { EINVAL } from '../errno.js';
import { RequestRefusedError, VfioUserError } from '../errors.js';
import type { HostEnd } from '../host-end/host-end.js';
import { Command, commandName } from '../protocol/constants.js';
import type { RegionData, RequestBodies, RequestMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { DeviceLink } from './device-link.js';
import {
  type AccessRequest,
  answerForAbsent,
  ForwardedAccess,
  lasting,
} from './forwarded-access.js';

export type WritesRequest = Extract<RequestMessage, { command: typeof Command.REGION_WRITE_MULTI }>;

export interface RegisterForwarderOptions {
  readonly host: HostEnd;
  readonly link: DeviceLink;
  readonly pushes: PushSource;
  readonly maxDataXferSize: number;
  /** How long the device may take nothing at all, while its client is kept waiting, ms. */
  readonly maxStallMs: number;
}

/** What this client has sent to the device since there was room for more, at most, bytes. */
const MAX_SENT_BYTES = 2 ** 20;
/** What a message counts for beside its data. */
const MESSAGE_BYTES = 64;
/** A client waits for room this long before it is looked at what keeps it waiting, ms. */
const LOOK_MS = 250;

/** Passes a client's register accesses on to the device, or answers them while it is out of reach. */
export class RegisterForwarder {
  readonly #options: RegisterForwarderOptions;
  #sentBytes = 0;
  #waits = false;

  constructor(options: RegisterForwarderOptions) {
    this.#options = options;
  }

  access(request: AccessRequest): void {
    const { host, link, maxDataXferSize } = this.#options;
    const near = host.peer;
    const { command, id, noReply, body } = request;
    // While the device is out of reach the answer is made here.
    if (body.count > maxDataXferSize) {
      const text = `${commandName(command)} of ${body.count} bytes, the limit is ${maxDataXferSize}`;
      near.replyError(command, id, noReply, new RequestRefusedError(EINVAL, text));
    } else if (!link.up) {
      if (!noReply) answerForAbsent(near, request);
    } else if (link.silent) {
      // Writes arrive, should it come back to life.
      if (request.command === Command.REGION_WRITE) this.#post(link.peer, request.body);
      if (!noReply) answerForAbsent(near, request);
    } else {
      this.#forward(link.peer, request);
    }
  }

  /** One message for many writes saves the client a system call; the device gets them one by one. */
  writes({ command, id, noReply, body }: WritesRequest): void {
    const { host, link } = this.#options;
    if (link.up) for (const write of body.writes) this.#post(link.peer, write);
    if (!noReply) host.peer.reply(command, id, { count: body.writes.length });
  }

  #forward(far: Peer, request: AccessRequest): void {
    if (request.command === Command.REGION_READ) {
      this.#request(far, request.command, request.body, request);
    } else if (request.noReply) {
      this.#post(far, request.body);
    } else {
      this.#request(far, request.command, this.#accompanied(request.body, far), request);
    }
  }

  #post(far: Peer, write: RegionData): void {
    const roomLeft = far.post(Command.REGION_WRITE, this.#accompanied(write, far));
    this.#onSent(far, write.count, roomLeft);
  }

  /** A client that reuses ids can have more requests under way than the device has ids for. */
  #request<C extends AccessRequest['command']>(
    far: Peer,
    command: C,
    body: RequestBodies[C],
    asked: AccessRequest,
  ): void {
    const { host, link } = this.#options;
    const requester = new ForwardedAccess(host, link, asked);
    try {
      const bytes = command === Command.REGION_READ ? 0 : asked.body.count;
      this.#onSent(far, bytes, far.request(command, body, requester));
    } catch (error) {
      requester.onFailure(error as Error);
    }
  }

  /** A register write on its way to the device, with what the device wants along with it. */
  #accompanied({ region, offset, count, data }: RegionData, far: Peer): RegionData {
    const write = { region, offset, count, data: lasting(data) };
    return this.#options.pushes.accompany(write, far.extensions.maxPushBytes);
  }

  /** What else is on its way, data that the device asked for, is no reason to stop the client. */
  #onSent(far: Peer, bytes: number, roomLeft: boolean): void {
    if (roomLeft) {
      this.#sentBytes = 0;
      return;
    }
    this.#sentBytes += bytes + MESSAGE_BYTES;
    if (this.#sentBytes > MAX_SENT_BYTES || !far.windowOpen) this.#waitFor(far);
  }

  /**
   * The device takes no more for now: neither do we. What the client asks meanwhile waits behind
   * it, so a device that takes nothing at all for too long counts as lost.
   */
  #waitFor(far: Peer): void {
    const { host, maxStallMs } = this.#options;
    const { connection } = host.peer;
    if (this.#waits) return;
    this.#waits = true;
    let { signsOfLife } = far;
    let silentMs = 0;
    let isOver = false;
    connection.pause();
    const goOn = (): void => {
      if (isOver) return;
      isOver = true;
      this.#waits = false;
      this.#sentBytes = 0;
      clearInterval(timer);
      connection.resume();
    };
    const timer = setInterval(() => {
      silentMs = far.signsOfLife === signsOfLife ? silentMs + LOOK_MS : 0;
      signsOfLife = far.signsOfLife;
      if (silentMs >= maxStallMs) {
        const text = `the device took nothing for ${maxStallMs / 1000} s`;
        far.abort(new VfioUserError('VFU_TIMEOUT', text));
      } else if (silentMs === 0 && far.windowOpen) {
        goOn();
      }
    }, LOOK_MS).unref();
    void far.drained().then(goOn);
  }
}
