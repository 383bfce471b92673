import type { ResetKind } from '../device/device.js';
import { EBUSY, EINVAL } from '../errno.js';
import { RequestRefusedError, VfioUserError } from '../errors.js';
import type { Logger } from '../logger.js';
import { type Capabilities, OWN_CAPABILITIES } from '../protocol/capabilities.js';
import { Command, commandName, ExtensionCommand } from '../protocol/constants.js';
import type { KnownCommand, ReplyBodies, RequestMessage } from '../protocol/messages.js';
import { negotiate } from '../protocol/version.js';
import { MessageMemory } from '../session/message-memory.js';
import { Peer, type PeerHandlers } from '../session/peer.js';
import type { Received } from '../session/request-table.js';
import type { Wire } from '../session/wire.js';
import type { Descriptor } from '../transport/resources.js';
import type { Connection, FrameSink } from '../transport/transport.js';
import { ControlQueue } from './control-queue.js';
import type { DeviceInstance } from './device-instance.js';
import { InterruptMessages } from './interrupt-messages.js';
import type { ServerLimits } from './limits.js';
import type { RequestContext } from './requests/context.js';
import { ControlRequests } from './requests/control-requests.js';
import { ownedRequest } from './requests/owned-request.js';
import { RegionAccessHandler } from './requests/region-access.js';

export interface ServerSessionOptions {
  readonly limits: ServerLimits;
  readonly logger: Logger;
  /** The connection has ended; the device still holds what the client mapped. */
  readonly onEnd: (error?: Error) => void;
}

type ReadRequest = Extract<RequestMessage, { command: typeof Command.REGION_READ }>;

/**
 * One client, from VERSION to the end of the connection. Register accesses are answered at once;
 * everything else runs in order through the control queue, and neither waits for DMA of ours.
 */
export class ServerSession implements PeerHandlers, RequestContext {
  readonly device: DeviceInstance;
  readonly peer: Peer;
  readonly limits: ServerLimits;
  readonly logger: Logger;
  readonly interruptMessages: InterruptMessages;
  readonly #onEnd: (error?: Error) => void;
  readonly #control = new ControlQueue();
  readonly #regions: RegionAccessHandler;
  readonly #requests: ControlRequests;
  #started = false;
  /** The first message was no acceptable VERSION: nothing behind it counts. */
  #turnedDown = false;
  /** Too many requests wait: the connection is not read meanwhile. */
  #congested = false;
  /** A driver asked for a reset by the register write that is being handled. */
  #requestedReset: ResetKind | undefined;
  #client: Capabilities | undefined;
  #memory: MessageMemory | undefined;
  #negotiationTimer: NodeJS.Timeout | undefined;

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
  }

  /** What the transport delivers to. */
  get sink(): FrameSink {
    return this.peer;
  }

  get client(): Capabilities {
    if (this.#client === undefined) {
      throw new VfioUserError('VFU_PROTOCOL_VIOLATION', 'the client has not sent VERSION yet');
    }
    return this.#client;
  }

  attach(connection: Connection, wire: Wire): void {
    this.peer.attach(connection, wire);
  }

  /** It is this client's turn. */
  start(): void {
    this.#started = true;
    this.device.onResetRequest = (kind) => {
      this.#requestedReset = kind;
    };
    this.#negotiationTimer = this.#abortLater();
  }

  /** Another client keeps the device: this one is told so when it asks. */
  turnAway(): void {
    this.#negotiationTimer = this.#abortLater();
  }

  onRequest(request: RequestMessage, received: Received): void {
    if (this.#client === undefined) {
      this.#negotiate(request, received);
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
          if (this.#memory?.writesHaveLeft === false) this.#replyBehindWrites(request, data);
          else this.#replyRead(request, data);
          return;
        }
        case Command.REGION_WRITE: {
          const { offset, region, count } = request.body;
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
          this.#enqueue(request, received);
      }
    } catch (error) {
      this.peer.replyError(command, id, noReply, error);
    }
  }

  onMalformedRequest(): void {
    if (this.#client === undefined) this.#turnDown();
  }

  onClose(error?: Error): void {
    clearTimeout(this.#negotiationTimer);
    this.#control.close();
    this.#memory?.end(new VfioUserError('VFU_PEER_CLOSED', 'the client is gone', { cause: error }));
    this.#requests.close();
    if (this.#started) this.device.onResetRequest = undefined;
    this.#onEnd(error);
  }

  #negotiate(request: RequestMessage, received: Received): void {
    if (this.#turnedDown) return;
    clearTimeout(this.#negotiationTimer);
    const { command, id, noReply } = request;
    try {
      if (request.command !== Command.VERSION) {
        throw new RequestRefusedError(EINVAL, `${commandName(command)} came before VERSION`);
      }
      if (!this.#started) throw new RequestRefusedError(EBUSY, 'the device serves another client');
      if (received.length > 0) throw new RequestRefusedError(EINVAL, 'VERSION carries descriptors');
      const { reply, peer } = negotiate(request.body, this.#ownCapabilities());
      this.#client = peer;
      this.#memory = new MessageMemory(this.peer, {
        maxTransferBytes: Math.min(peer.maxDataXferSize, this.limits.maxDataXferSize),
        maxReads: this.limits.maxDmaReads,
        replyWindowBytes: this.peer.encoding.replyWindowBytes,
        fence: this.device.dma.fence,
        orderedNotifications: this.peer.connection.capabilities.orderedNotifications,
      });
      this.device.dma.connect(this.#memory);
      this.peer.reply(request.command, id, reply);
      this.logger.info(
        { version: `${reply.major}.${reply.minor}`, client: peer },
        'client connected',
      );
    } catch (error) {
      this.peer.replyError(command, id, noReply, error);
      this.#turnDown();
    }
  }

  #turnDown(): void {
    this.#turnedDown = true;
    void this.peer.close();
  }

  #ownCapabilities(): Capabilities {
    const { maxDataXferSize, maxMsgFds, maxDmaMaps } = this.limits;
    return { ...OWN_CAPABILITIES, maxDataXferSize, maxMsgFds, maxDmaMaps };
  }

  #abortLater(): NodeJS.Timeout {
    return setTimeout(() => {
      const seconds = this.limits.negotiationTimeoutMs / 1000;
      this.peer.abort(new VfioUserError('VFU_TIMEOUT', `no VERSION within ${seconds} s`));
    }, this.limits.negotiationTimeoutMs).unref();
  }

  /** Behind a request that takes its time, a request outlives the frame it came in. */
  #enqueue(request: RequestMessage, received: Received): void {
    const owned = this.#control.idle ? request : ownedRequest(request);
    const descriptors = received.splice(0);
    this.#control.run({
      run: () => this.#execute(owned, descriptors),
      drop: () => closeAll(descriptors),
    });
    if (this.#control.length < this.limits.maxDeferredRequests) return;
    this.#congested = true;
    this.peer.connection.pause();
  }

  #execute(request: RequestMessage, descriptors: Received): void | Promise<void> {
    const finish = (): void => {
      closeAll(descriptors);
      if (!this.#congested || this.#control.length > 0) return;
      this.#congested = false;
      this.peer.connection.resume();
    };
    try {
      const outcome = this.#requests.handle(request, descriptors);
      if (outcome instanceof Promise) {
        return outcome
          .then((answer) => this.#answer(request, answer.body, answer.descriptors))
          .catch((error) => this.#refuse(request, error))
          .finally(finish);
      }
      this.#answer(request, outcome.body, outcome.descriptors);
    } catch (error) {
      this.#refuse(request, error);
    }
    finish();
  }

  #answer(
    { command, id, noReply }: RequestMessage,
    body: ReplyBodies[KnownCommand],
    descriptors: readonly Descriptor[] = [],
  ): void {
    if (noReply) closeAll(descriptors);
    else this.peer.reply(command, id, body as ReplyBodies[typeof command], descriptors);
  }

  #refuse({ command, id, noReply }: RequestMessage, error: unknown): void {
    this.peer.replyError(command, id, noReply, error);
  }

  #replyRead({ command, id, body }: ReadRequest, data: Uint8Array): void {
    const { offset, region, count } = body;
    this.peer.reply(command, id, count === 0 ? undefined : { offset, region, count, data });
  }

  /** PCI ordering: a read completion pushes the writes issued before it. */
  #replyBehindWrites(request: ReadRequest, data: Uint8Array): void {
    const held = data.slice();
    this.#memory?.afterWrites(() => this.#replyRead(request, held));
  }

  /** The write that asked for it is answered by now: a reset may need DMA, and so the client. */
  #resetAsRequested(kind: ResetKind): void {
    this.#requestedReset = undefined;
    this.#control.run({
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

function closeAll(descriptors: readonly Descriptor[]): void {
  for (const descriptor of descriptors) descriptor.close();
}
