import type { ResetKind } from '../device/device.js';
import { EINVAL } from '../errno.js';
import { RequestRefusedError, VfioUserError } from '../errors.js';
import type { Candidate } from '../host-end/admission.js';
import { ClientNegotiation } from '../host-end/client-negotiation.js';
import type { RequestContext } from '../host-end/context.js';
import { ControlLane } from '../host-end/control-lane.js';
import { InterruptMessages } from '../host-end/interrupt-messages.js';
import type { ServerLimits } from '../host-end/limits.js';
import { RegionAccessHandler } from '../host-end/region-access.js';
import type { Logger } from '../logger.js';
import type { Capabilities } from '../protocol/capabilities.js';
import { Command, commandName, ExtensionCommand } from '../protocol/constants.js';
import type { RequestMessage } from '../protocol/messages.js';
import { Peer, type PeerHandlers } from '../session/peer.js';
import type { Received } from '../session/request-table.js';
import type { Wire } from '../session/wire.js';
import type { Connection, FrameSink } from '../transport/transport.js';
import type { DeviceInstance } from './device-instance.js';
import { ControlRequests } from './server-requests.js';

export interface ServerSessionOptions {
  readonly limits: ServerLimits;
  readonly logger: Logger;
  /** The client has sent VERSION: it can be admitted. */
  readonly onVersion: () => void;
  /** The connection has ended; the device still holds what the client mapped. */
  readonly onEnd: (error?: Error) => void;
}

type ReadRequest = Extract<RequestMessage, { command: typeof Command.REGION_READ }>;

/**
 * One client, from VERSION to the end of the connection. Register accesses are answered at once;
 * everything else runs in order through the control queue, and neither waits for DMA of ours.
 */
export class ServerSession implements PeerHandlers, RequestContext, Candidate {
  readonly device: DeviceInstance;
  readonly peer: Peer;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  readonly interruptMessages: InterruptMessages;
  readonly #onEnd: (error?: Error) => void;
  readonly #negotiation: ClientNegotiation;
  readonly #lane: ControlLane;
  readonly #regions: RegionAccessHandler;
  readonly #requests: ControlRequests;
  #admitted = false;
  /** The client was in a session before, which was lost. */
  #returned = false;
  /** A driver asked for a reset by the register write that is being handled. */
  #requestedReset: ResetKind | undefined;

  constructor(device: DeviceInstance, options: ServerSessionOptions) {
    this.device = device;
    this.limits = options.limits;
    this.logger = options.logger;
    this.#onEnd = options.onEnd;
    this.#regions = new RegionAccessHandler(this);
    this.#requests = new ControlRequests(this);
    this.peer = new Peer(this, {
      logger: options.logger,
      timeoutMs: options.limits.replyTimeoutMs,
      pauseWhenBackedUp: true,
    });
    this.interruptMessages = new InterruptMessages(this.peer);
    this.#negotiation = new ClientNegotiation({ ...options, peer: this.peer, dma: device.dma });
    this.#lane = new ControlLane(
      this.peer,
      options.limits.maxDeferredRequests,
      (request, received) => this.#requests.handle(request, received),
    );
  }

  /** What the transport delivers to. */
  get sink(): FrameSink {
    return this.peer;
  }

  get client(): Capabilities {
    const { client } = this.#negotiation;
    if (client === undefined) {
      throw new VfioUserError('VFU_PROTOCOL_VIOLATION', 'the client has not sent VERSION yet');
    }
    return client;
  }

  get namesCapabilities(): boolean {
    return this.#negotiation.namesCapabilities;
  }

  get maxDmaMaps(): number {
    return this.#negotiation.maxDmaMaps;
  }

  get name(): string {
    return this.peer.connection.peer;
  }

  attach(connection: Connection, wire: Wire): void {
    this.peer.attach(connection, wire);
    this.#returned = wire.peerSession !== undefined;
    this.#negotiation.start();
  }

  /** It is this client's turn: the device is its own from now on. */
  admit(): void {
    this.#admitted = true;
    this.device.onResetRequest = (kind) => {
      this.#requestedReset = kind;
    };
    if (this.#returned) this.device.clientReturned();
    this.#negotiation.accept();
    if (this.#negotiation.client !== undefined) this.#askForPushes();
  }

  refuse(why: RequestRefusedError): void {
    this.#negotiation.refuse(why);
  }

  drop(reason: Error): void {
    this.peer.abort(reason);
  }

  close(): void {
    void this.peer.close();
  }

  onRequest(request: RequestMessage, received: Received): void {
    if (this.#negotiation.client === undefined) {
      this.#negotiation.onRequest(request, received);
      return;
    }
    const { command, id, noReply } = request;
    try {
      if (!this.device.migration.allows(command)) {
        throw new RequestRefusedError(
          EINVAL,
          `${commandName(command)} is not possible in the current migration state`,
        );
      }
      switch (command) {
        case Command.REGION_READ: {
          const data = this.#regions.read(command, request.body);
          if (noReply) return;
          if (this.#negotiation.memory?.writesHaveLeft === false)
            this.#replyBehindWrites(request, data);
          else this.#replyRead(request, data);
          return;
        }
        case Command.REGION_WRITE: {
          const { offset, region, count, pushed } = request.body;
          if (pushed !== undefined) this.device.pushRules.take(pushed);
          this.#regions.write(command, request.body);
          if (!noReply) {
            this.peer.reply(command, id, count === 0 ? undefined : { offset, region, count });
          }
          if (this.#requestedReset !== undefined) this.#resetAsRequested(this.#requestedReset);
          return;
        }
        case Command.REGION_WRITE_MULTI:
          this.#regions.writeMulti(command, request.body);
          if (!noReply) this.peer.reply(command, id, { count: request.body.writes.length });
          if (this.#requestedReset !== undefined) this.#resetAsRequested(this.#requestedReset);
          return;
        case ExtensionCommand.DOORBELL:
          this.#requests.ring(request.body);
          return;
        default:
          this.#lane.take(request, received);
      }
    } catch (error) {
      this.peer.replyError(command, id, noReply, error);
    }
  }

  onMalformedRequest(): void {
    if (this.#negotiation.client === undefined) this.#negotiation.turnDown();
  }

  onClose(error?: Error): void {
    this.#negotiation.end(error);
    this.#lane.close();
    this.#requests.close();
    if (this.#admitted) {
      this.device.onResetRequest = undefined;
      this.device.pushRules.connect(undefined);
    }
    this.#onEnd(error);
  }

  #askForPushes(): void {
    const { maxPushRules } = this.peer.extensions;
    if (maxPushRules === 0) return;
    this.device.pushRules.connect((rules) => {
      if (this.peer.closed) return;
      const body = { rules: rules.slice(0, maxPushRules) };
      this.peer.request(ExtensionCommand.PUSH_RULES, body, {
        onReply() {},
        onFailure: (error) => this.logger.debug({ reason: error.message }, 'nothing is pushed'),
      });
    });
  }

  #replyRead({ command, id, body }: ReadRequest, data: Uint8Array): void {
    const { offset, region, count } = body;
    this.peer.reply(command, id, count === 0 ? undefined : { offset, region, count, data });
  }

  /** PCI ordering: a read completion pushes the writes issued before it. */
  #replyBehindWrites(request: ReadRequest, data: Uint8Array): void {
    const held = data.slice();
    this.#negotiation.memory?.afterWrites(() => this.#replyRead(request, held));
  }

  /** The write that asked for it is answered by now: a reset may need DMA, and so the client. */
  #resetAsRequested(kind: ResetKind): void {
    this.#requestedReset = undefined;
    this.#lane.run({
      drop() {},
      run: () => {
        const failed = (error: unknown): void =>
          this.logger.error({ err: error, kind }, 'the device could not be reset');
        try {
          const pending = this.device.reset(kind);
          return pending instanceof Promise ? pending.catch(failed) : undefined;
        } catch (error) {
          failed(error);
        }
      },
    });
  }
}
