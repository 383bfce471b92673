import type { ResetKind } from '../device/device.js';
import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { Answer } from '../host-end/control-requests.js';
import { type ClientHandlers, HostEnd } from '../host-end/host-end.js';
import type { ClientEvents } from '../host-end/host-listener.js';
import type { ServerLimits } from '../host-end/limits.js';
import { RegionAccessHandler } from '../host-end/region-access.js';
import type { Logger } from '../logger.js';
import { Command, commandName, ExtensionCommand } from '../protocol/enums.js';
import type { RequestMessage } from '../protocol/messages.js';
import type { NegotiatedConnection } from '../session/negotiated-encoding.js';
import type { ReceivedDescriptors } from '../session/request-table.js';
import type { DeviceInstance } from './device-instance.js';
import { ServerRequests } from './server-requests.js';

export interface ServerSessionOptions extends ClientEvents {
  readonly limits: ServerLimits;
  readonly logger: Logger;
}

/**
 * A client's session with the device. Register accesses are answered synchronously; everything else
 * runs in order, and neither waits for our own DMA.
 */
export class ServerSession implements ClientHandlers {
  readonly host: HostEnd;
  readonly #device: DeviceInstance;
  readonly #options: ServerSessionOptions;
  readonly #regions: RegionAccessHandler;
  readonly #requests: ServerRequests;
  #admitted = false;
  /** Reset requested by the register write that is being handled. */
  #requestedReset: ResetKind | undefined;

  constructor(device: DeviceInstance, opened: NegotiatedConnection, options: ServerSessionOptions) {
    const { maxDataXferSize } = options.limits;
    this.#device = device;
    this.#options = options;
    this.host = new HostEnd(opened, this, {
      ...options,
      space: device.dma,
      quiesce: () => device.quiesce(),
    });
    this.#regions = new RegionAccessHandler(device.pci, maxDataXferSize);
    this.#requests = new ServerRequests(device, this.host, maxDataXferSize);
  }

  /** The device belongs to the client from now on. */
  onAdmitted(): void {
    this.#admitted = true;
    this.#device.onResetRequest = (kind) => {
      this.#requestedReset = kind;
    };
    this.#device.clientCame(this.host.name, this.host.returned);
    this.host.accept();
    if (this.host.negotiated) this.#connectPushRules();
  }

  onRequest(request: RequestMessage, received: ReceivedDescriptors): void {
    const { peer } = this.host;
    const { command, id, noReply } = request;
    try {
      if (!this.#device.migration.allows(command)) {
        throw new RequestRefusedError(
          EINVAL,
          `${commandName(command)} is not possible in the current migration state`,
        );
      }
      switch (command) {
        case Command.REGION_READ: {
          const { offset, region, count } = request.body;
          const data = this.#regions.read(command, request.body);
          if (noReply) return;
          this.host.replyRead(id, count === 0 ? undefined : { offset, region, count, data });
          return;
        }
        case Command.REGION_WRITE: {
          const { offset, region, count, pushed } = request.body;
          if (pushed !== undefined) this.#device.pushRules.take(pushed);
          this.#regions.write(command, request.body);
          if (!noReply) {
            peer.reply(command, id, count === 0 ? undefined : { offset, region, count });
          }
          if (this.#requestedReset !== undefined) this.#resetAsRequested(this.#requestedReset);
          return;
        }
        case Command.REGION_WRITE_MULTI:
          this.#regions.writeMulti(command, request.body);
          if (!noReply) peer.reply(command, id, { count: request.body.writes.length });
          if (this.#requestedReset !== undefined) this.#resetAsRequested(this.#requestedReset);
          return;
        case ExtensionCommand.DOORBELL:
          this.#requests.ring(request.body);
          return;
        default:
          this.host.control.take(request, received);
      }
    } catch (error) {
      peer.replyError(command, id, noReply, error);
    }
  }

  onControlRequest(
    request: RequestMessage,
    received: ReceivedDescriptors,
  ): Answer | Promise<Answer> {
    return this.#requests.handle(request, received);
  }

  onClose(error?: Error): void {
    this.#requests.close();
    if (this.#admitted) {
      this.#device.onResetRequest = undefined;
      this.#device.pushRules.connect(undefined);
    }
    const release = async (): Promise<void> => {
      if (this.#admitted) await this.#device.clientGone();
    };
    this.#options.onEnd(error, release);
  }

  #connectPushRules(): void {
    const { peer } = this.host;
    const { maxPushRules } = peer.extensions;
    if (maxPushRules === 0) return;
    this.#device.pushRules.connect((rules) => {
      if (peer.closed) return;
      const body = { rules: rules.slice(0, maxPushRules) };
      peer.request(ExtensionCommand.PUSH_RULES, body, {
        onReply() {},
        onFailure: (error) =>
          this.#options.logger.debug({ reason: error.message }, 'nothing is pushed'),
      });
    });
  }

  /** Runs after the write was answered: a reset may need DMA, and so the client. */
  #resetAsRequested(kind: ResetKind): void {
    this.#requestedReset = undefined;
    this.host.control.run({
      drop() {},
      run: () => {
        const failed = (error: unknown): void =>
          this.#options.logger.error({ err: error, kind }, 'the device could not be reset');
        try {
          const pending = this.#device.reset(kind);
          return pending instanceof Promise ? pending.catch(failed) : undefined;
        } catch (error) {
          failed(error);
        }
      },
    });
  }
}
