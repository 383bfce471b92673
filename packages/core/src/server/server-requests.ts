import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { RequestContext } from '../host-end/context.js';
import type { Answer } from '../host-end/control-lane.js';
import { deviceInfo, irqInfo, regionInfo } from '../host-end/device-info.js';
import { handleDmaMap } from '../host-end/dma-map.js';
import { handleDmaUnmap } from '../host-end/dma-unmap.js';
import { RegionIoFdsHandler } from '../host-end/region-io-fds.js';
import { handleSetIrqs } from '../host-end/set-irqs.js';
import { handleDeviceFeature } from '../migration/device-feature.js';
import { Command, commandName } from '../protocol/constants.js';
import type { Doorbell, KnownCommand, ReplyBodies, RequestMessage } from '../protocol/messages.js';
import type { Received } from '../session/request-table.js';

const DONE: Answer = { body: undefined };

/** Every request but the register accesses, one line each: what it does is in its own file. */
export class ControlRequests {
  readonly #context: RequestContext;
  readonly #ioFds: RegionIoFdsHandler;

  constructor(context: RequestContext) {
    this.#context = context;
    this.#ioFds = new RegionIoFdsHandler(context);
  }

  /** Descriptors it keeps are taken out of `received`. */
  handle(request: RequestMessage, received: Received): Answer | Promise<Answer> {
    const context = this.#context;
    const { device } = context;
    const max = context.client.maxDataXferSize;
    switch (request.command) {
      case Command.DMA_MAP:
        return done(handleDmaMap(context, request.body, received));
      case Command.DMA_UNMAP:
        return answer(handleDmaUnmap(context, request.body));
      case Command.DEVICE_GET_INFO:
        return { body: deviceInfo() };
      case Command.DEVICE_GET_REGION_INFO: {
        const { info, descriptors } = regionInfo(context, request.body);
        return { body: info, descriptors };
      }
      case Command.DEVICE_GET_REGION_IO_FDS:
        return this.#ioFds.handle(request.body);
      case Command.DEVICE_GET_IRQ_INFO:
        return { body: irqInfo(context, request.body) };
      case Command.DEVICE_SET_IRQS:
        handleSetIrqs(context, request.body, received);
        return DONE;
      case Command.DEVICE_RESET:
        return answer(device.reset('device'));
      case Command.DEVICE_FEATURE: {
        const { dma, migration } = device;
        return answer(handleDeviceFeature(request.body, { dma, migration, maxDataXferSize: max }));
      }
      case Command.MIG_DATA_READ:
        return { body: device.migration.readData(request.body, max) };
      case Command.MIG_DATA_WRITE:
        device.migration.writeData(request.body, max);
        return DONE;
      default:
        throw new RequestRefusedError(
          EINVAL,
          `${commandName(request.command)} is not a request to a server, or not one for now`,
        );
    }
  }

  /** DOORBELL: the client signalled an entry of DEVICE_GET_REGION_IO_FDS. */
  ring(doorbell: Doorbell): void {
    this.#ioFds.ring(doorbell);
  }

  close(): void {
    this.#ioFds.close();
  }
}

type Body = ReplyBodies[KnownCommand];

/** The answer to a request whose outcome is nobody's concern. */
function done(outcome: unknown): Answer | Promise<Answer> {
  return outcome instanceof Promise ? outcome.then(() => DONE) : DONE;
}

function answer(outcome: Body | void | Promise<Body | void>): Answer | Promise<Answer> {
  if (!(outcome instanceof Promise)) return { body: outcome ?? undefined };
  return outcome.then((body) => ({ body: body ?? undefined }));
}
