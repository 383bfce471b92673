import { DeviceEnd } from '../device-end/device-end.js';
import { diagnostics } from '../diagnostics/channels.js';
import { RequestRefusedError } from '../errors.js';
import type { AnnouncedLimits } from '../host-end/client-negotiation.js';
import type { Answer } from '../host-end/control-requests.js';
import { type ClientHandlers, HostEnd } from '../host-end/host-end.js';
import type { ClientEvents } from '../host-end/host-listener.js';
import type { ServerLimits } from '../host-end/limits.js';
import type { Logger } from '../logger.js';
import { DmaSpace } from '../memory/dma-space.js';
import { Command } from '../protocol/enums.js';
import type { RequestMessage } from '../protocol/messages.js';
import { runAll } from '../run-all.js';
import type { NegotiatedConnection } from '../session/negotiated-encoding.js';
import type { Peer } from '../session/peer.js';
import type { ReceivedDescriptors } from '../session/request-table.js';
import { errnoOfUnreachable } from '../session/turned-away.js';
import { BridgeRequests } from './bridge-requests.js';
import { BridgedInterrupts } from './bridged-interrupts.js';
import { DeviceLink, type DeviceLinkHandlers, type DeviceLinkOptions } from './device-link.js';
import { RegisterForwarder } from './register-forwarder.js';

export interface BridgeSessionOptions extends ClientEvents, DeviceLinkOptions {
  readonly limits: ServerLimits;
  readonly logger: Logger;
}

/**
 * A client connected to its device: a server towards the client, a client towards the device. It
 * owns the guest memory that the client mapped, serves the device's DMA from it, and keeps the
 * client's interrupts. Each side has its own encoding, version and limits.
 */
export class BridgeSession implements ClientHandlers {
  readonly host: HostEnd;
  readonly #options: BridgeSessionOptions;
  /** The client's memory. */
  readonly #space: DmaSpace;
  readonly #link: DeviceLink;
  readonly #interrupts: BridgedInterrupts;
  readonly #registers: RegisterForwarder;
  readonly #requests: BridgeRequests;
  readonly #device: DeviceEnd;
  /** Deadlines of the requests in the control queue, in order. */
  readonly #answerBy: number[] = [];

  constructor(opened: NegotiatedConnection, options: BridgeSessionOptions) {
    this.#options = options;
    const { limits, logger, answerTimeoutMs, linkTimeoutMs } = options;
    const attachment = { device: options.connect, peer: opened.connection.peer };
    const space = new DmaSpace(attachment, logger);
    const link = new DeviceLink(options, this.#deviceHandlers());
    const host = new HostEnd(opened, this, { ...options, space });
    const interrupts = new BridgedInterrupts(space.fence, attachment);
    const { maxDataXferSize } = limits;
    const device = new DeviceEnd({
      space,
      maxDataXferSize,
      onInterrupt: (interrupt) => interrupts.onMessage(interrupt),
    });
    this.#space = space;
    this.#link = link;
    this.host = host;
    this.#device = device;
    this.#interrupts = interrupts;
    this.#requests = new BridgeRequests({ host, link, device, space, interrupts });
    this.#registers = new RegisterForwarder({
      host,
      link,
      pushes: device.pushes,
      maxDataXferSize,
      maxStallMs: Math.min(answerTimeoutMs, linkTimeoutMs),
    });
  }

  /**
   * The client is admitted: answer VERSION once the device is connected, or refuse it if that
   * fails.
   */
  onAdmitted(): void {
    const { connect, logger } = this.#options;
    this.#link
      .open()
      .then(() => {
        logger.info({ device: connect }, 'client and device are joined');
        this.host.accept(this.#announcedLimits());
      })
      .catch((error: Error) => {
        if (this.host.peer.closed) return;
        logger.error({ device: connect, reason: error.message }, 'the device cannot be reached');
        const why = `${connect} cannot be reached: ${error.message}`;
        this.host.refuse(new RequestRefusedError(errnoOfUnreachable(error), why, { cause: error }));
      });
  }

  onRequest(request: RequestMessage, received: ReceivedDescriptors): void {
    switch (request.command) {
      case Command.REGION_READ:
      case Command.REGION_WRITE:
        this.#registers.access(request);
        return;
      case Command.REGION_WRITE_MULTI:
        this.#registers.writes(request);
        return;
      default:
        this.#answerBy.push(performance.now() + this.#options.answerTimeoutMs);
        this.host.control.take(request, received);
    }
  }

  onControlRequest(request: RequestMessage, received: ReceivedDescriptors): Promise<Answer> {
    this.#link.answerBy = this.#answerBy.shift() ?? 0;
    return this.#requests.handle(request, received);
  }

  onClose(error?: Error): void {
    const { logger, onEnd } = this.#options;
    const steps = [
      () => this.#interrupts.close(),
      () => this.#space.removeAll(),
      () => this.#space.connect(undefined),
    ];
    runAll(steps, (err) => logger.error({ err }, 'a client is gone, but not all it left'));
    onEnd(error, () => this.#link.close());
  }

  /** The limits announced to the client are at most those of the device. */
  #announcedLimits(): AnnouncedLimits {
    const { limits } = this.#options;
    const { maxDataXferSize, maxDmaMaps } = this.#link.capabilities;
    return {
      ...limits,
      maxDataXferSize: Math.min(limits.maxDataXferSize, maxDataXferSize),
      maxDmaMaps: Math.min(limits.maxDmaMaps, maxDmaMaps),
    };
  }

  #deviceHandlers(): DeviceLinkHandlers {
    const { logger, connect } = this.#options;
    return {
      onRequest: (peer, request) => this.#device.onRequest(peer, request),
      onConnected: () => this.#device.pushes.clear(),
      onLost: (peer, error) => {
        this.#requests.onLost(peer);
        if (diagnostics.link.hasSubscribers) {
          diagnostics.link.publish({ event: 'lost', device: connect, error });
        }
        logger.warn({ device: connect, reason: error.message }, 'the device is out of reach');
      },
      onReachedAgain: (peer) =>
        this.host.control.run({ run: () => this.#restore(peer), drop() {} }),
    };
  }

  /** Queued with the client's requests, so that none runs in between. */
  async #restore(peer: Peer): Promise<void> {
    const { logger, connect } = this.#options;
    try {
      await this.#requests.restore(peer);
      this.#link.restored(peer);
      if (diagnostics.link.hasSubscribers) {
        diagnostics.link.publish({ event: 'reached-again', device: connect });
      }
      logger.info({ device: connect }, 'the device is back; it was reset');
    } catch (error) {
      peer.abort(error as Error);
    }
  }
}
