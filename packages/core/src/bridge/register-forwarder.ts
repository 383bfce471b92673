import type { PushSource } from '../device-end/push-source.js';
import { EINVAL } from '../errno.js';
import { RequestRefusedError, VfioUserError } from '../errors.js';
import type { HostEnd } from '../host-end/host-end.js';
import { Command, commandName } from '../protocol/enums.js';
import type { RegionData, RequestBodies, RequestMessage } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { Requester } from '../session/request-table.js';
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
  /** How long the device may accept no data while its client waits, ms. */
  readonly maxStallMs: number;
}

/** Most bytes of one client that may be queued for the device. */
const MAX_SENT_BYTES = 2 ** 20;
/** Bytes that a message counts besides its data. */
const MESSAGE_BYTES = 64;
/**
 * Most requests that the device has not answered while the client is read from again, so that there
 * are ids for what comes next.
 */
const MAX_UNANSWERED = 2 ** 15;
/** Interval at which a blocked device is checked, ms. */
const LOOK_MS = 250;
/** Nobody waits for the answer. */
const nobody: Requester = { onReply() {}, onFailure() {} };

/** Forwards a client's register accesses to the device, or answers them while it is unreachable. */
export class RegisterForwarder {
  readonly #options: RegisterForwarderOptions;
  #sentBytes = 0;
  #waits = false;

  constructor(options: RegisterForwarderOptions) {
    this.#options = options;
  }

  access(request: AccessRequest): void {
    const { host, link, maxDataXferSize } = this.#options;
    const client = host.peer;
    const { command, id, noReply, body } = request;
    // While the device is unreachable the answer is made here.
    if (body.count > maxDataXferSize) {
      const text = `${commandName(command)} of ${body.count} bytes, the limit is ${maxDataXferSize}`;
      client.replyError(command, id, noReply, new RequestRefusedError(EINVAL, text));
    } else if (!link.up) {
      if (!noReply) answerForAbsent(client, request);
    } else if (link.silent) {
      // Writes still arrive if it recovers.
      if (request.command === Command.REGION_WRITE) this.#post(link.peer, request.body);
      if (!noReply) answerForAbsent(client, request);
    } else {
      this.#forward(link.peer, request);
    }
  }

  /** The device gets the writes of REGION_WRITE_MULTI one by one. */
  writes({ command, id, noReply, body }: WritesRequest): void {
    const { host, link } = this.#options;
    if (link.up) for (const write of body.writes) this.#post(link.peer, write);
    if (!noReply) host.peer.reply(command, id, { count: body.writes.length });
  }

  #forward(device: Peer, request: AccessRequest): void {
    if (request.command === Command.REGION_READ) {
      this.#request(device, request.command, request.body, request);
    } else if (request.noReply) {
      this.#post(device, request.body);
    } else {
      this.#request(device, request.command, this.#accompanied(request.body, device), request);
    }
  }

  /** Beyond the device's window a write is a request, which has an answer and no window. */
  #post(device: Peer, write: RegionData): void {
    const body = this.#accompanied(write, device);
    try {
      const roomLeft = device.oneWay.open
        ? device.post(Command.REGION_WRITE, body)
        : device.request(Command.REGION_WRITE, body, nobody);
      this.#onSent(device, write.count, roomLeft);
    } catch (error) {
      // No write may be missing.
      device.abort(error as Error);
    }
  }

  /** A client that reuses ids can have more requests in flight than there are ids. */
  #request<C extends AccessRequest['command']>(
    device: Peer,
    command: C,
    body: RequestBodies[C],
    asked: AccessRequest,
  ): void {
    const { host, link } = this.#options;
    const requester = new ForwardedAccess(host, link, asked);
    try {
      const bytes = command === Command.REGION_READ ? 0 : asked.body.count;
      this.#onSent(device, bytes, device.request(command, body, requester));
    } catch (error) {
      requester.onFailure(error as Error);
    }
  }

  /** A register write, with the memory that the device's push rules ask for. */
  #accompanied({ region, offset, count, data }: RegionData, device: Peer): RegionData {
    const write = { region, offset, count, data: lasting(data) };
    return this.#options.pushes.accompany(write, device.extensions.maxPushBytes);
  }

  /** Other queued data, such as DMA replies, does not count against the client. */
  #onSent(device: Peer, bytes: number, roomLeft: boolean): void {
    if (roomLeft) {
      this.#sentBytes = 0;
      return;
    }
    this.#sentBytes += bytes + MESSAGE_BYTES;
    const { link } = this.#options;
    const isFull = !device.oneWay.open && !(link.up && link.silent);
    if (isFull || this.#sentBytes > MAX_SENT_BYTES) this.#waitFor(device);
  }

  /**
   * The device's queue is full: stop reading from the client. A device that accepts nothing for too
   * long counts as lost. If the session survives its link, that is left to the session, and the
   * client is read from again: a request behind its writes needs an answer. One that goes on writing
   * all the same is stopped in the end: no write may be missing.
   */
  #waitFor(device: Peer): void {
    const { host, link, maxStallMs } = this.#options;
    const { connection } = host.peer;
    if (this.#waits) return;
    this.#waits = true;
    let { signsOfLife } = device;
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
      silentMs = device.signsOfLife === signsOfLife ? silentMs + LOOK_MS : 0;
      signsOfLife = device.signsOfLife;
      if (silentMs >= maxStallMs && device.session !== undefined) {
        link.leftUnanswered(signsOfLife);
        if (device.requests.idsInUse < MAX_UNANSWERED) goOn();
      } else if (silentMs >= maxStallMs) {
        const text = `the device took nothing for ${maxStallMs / 1000} s`;
        device.abort(new VfioUserError('VFU_TIMEOUT', text));
      } else if (silentMs === 0 && device.oneWay.open) {
        goOn();
      }
    }, LOOK_MS).unref();
    void device.drained().then(goOn);
  }
}
