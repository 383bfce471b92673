import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { Answer } from '../host-end/control-requests.js';
import { deviceInfo, irqInfo, regionInfo } from '../host-end/device-info.js';
import type { HostEnd } from '../host-end/host-end.js';
import { RegionIoFdsHandler } from '../host-end/region-io-fds.js';
import { handleDeviceFeature } from '../migration/device-feature.js';
import { Command, commandName } from '../protocol/enums.js';
import type {
  DoorbellSignal,
  KnownCommand,
  ReplyBodies,
  RequestMessage,
} from '../protocol/messages.js';
import type { ReceivedDescriptors } from '../session/request-table.js';
import type { DeviceInstance } from './device-instance.js';

const DONE: Answer = { body: undefined };

/** Dispatches every request except register accesses. */
export class ServerRequests {
  readonly #device: DeviceInstance;
  readonly #host: HostEnd;
  readonly #ioFds: RegionIoFdsHandler;

  /** @param maxArgsz most bytes of a reply, whatever argsz a request has. */
  constructor(device: DeviceInstance, host: HostEnd, maxArgsz: number) {
    this.#device = device;
    this.#host = host;
    this.#ioFds = new RegionIoFdsHandler(device.pci, host.peer, maxArgsz);
  }

  /** Descriptors that are kept are removed from `received`. */
  handle(request: RequestMessage, received: ReceivedDescriptors): Answer | Promise<Answer> {
    const { peer, memory, notifiers, client, namesCapabilities } = this.#host;
    const { interrupts, migration, dma } = this.#device;
    const { maxDataXferSize, maxMsgFds } = client;
    switch (request.command) {
      case Command.DMA_MAP:
        return done(memory.map(request.body, received));
      case Command.DMA_UNMAP:
        return answer(memory.unmap(request.body));
      case Command.DEVICE_GET_INFO:
        return { body: deviceInfo(this.#device.serial) };
      case Command.DEVICE_GET_REGION_INFO:
        return regionInfo(this.#device, request.body, peer.connection, { namesCapabilities });
      case Command.DEVICE_GET_REGION_IO_FDS:
        return this.#ioFds.handle(request.body, maxMsgFds);
      case Command.DEVICE_GET_IRQ_INFO:
        return { body: irqInfo(interrupts, request.body, peer) };
      case Command.DEVICE_SET_IRQS:
        interrupts.validate(request.body, notifiers.count(request.body, received));
        interrupts.apply(request.body, notifiers.take(request.body, received));
        return DONE;
      case Command.DEVICE_RESET:
        return answer(this.#device.reset('device'));
      case Command.DEVICE_FEATURE:
        return answer(handleDeviceFeature(request.body, { dma, migration, maxDataXferSize }));
      case Command.MIG_DATA_READ:
        return { body: migration.readData(request.body, maxDataXferSize) };
      case Command.MIG_DATA_WRITE:
        migration.writeData(request.body, maxDataXferSize);
        return DONE;
      default:
        throw new RequestRefusedError(
          EINVAL,
          `${commandName(request.command)} is not a request to a server, or not one for now`,
        );
    }
  }

  /** DOORBELL: signals an entry of DEVICE_GET_REGION_IO_FDS. */
  ring(doorbell: DoorbellSignal): void {
    this.#ioFds.ring(doorbell);
  }

  close(): void {
    this.#ioFds.close();
  }
}

type Body = ReplyBodies[KnownCommand];

/** The reply to a request without a result. */
function done(outcome: unknown): Answer | Promise<Answer> {
  return outcome instanceof Promise ? outcome.then(() => DONE) : DONE;
}

function answer(outcome: Body | void | Promise<Body | void>): Answer | Promise<Answer> {
  if (!(outcome instanceof Promise)) return { body: outcome ?? undefined };
  return outcome.then((body) => ({ body: body ?? undefined }));
}
