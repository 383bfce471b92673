import type { DeviceEnd } from '../device-end/device-end.js';
import { EINVAL, ENODEV, ETIMEDOUT } from '../errno.js';
import { RemoteError, RequestRefusedError, VfioUserError } from '../errors.js';
import type { Answer } from '../host-end/control-requests.js';
import { withoutEvents } from '../host-end/device-info.js';
import type { HostEnd } from '../host-end/host-end.js';
import { validateSetIrqs } from '../interrupts/set-irqs.js';
import type { DmaSpace } from '../memory/dma-space.js';
import type { DmaMapping } from '../memory/mapping.js';
import { MAX_VECTORS } from '../pci/constants.js';
import { NUM_IRQS, REGION_FLAG_MMAP } from '../protocol/constants.js';
import { Command, commandName } from '../protocol/enums.js';
import type {
  DmaMap,
  DmaUnmap,
  KnownCommand,
  RegionInfo,
  ReplyBodies,
  RequestBodies,
  RequestMessage,
  SetIrqs,
} from '../protocol/messages.js';
import { REGION_INFO_BYTES, REGION_IO_FDS_HEAD_BYTES } from '../protocol/struct-sizes.js';
import { call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import type { ReceivedDescriptors } from '../session/request-table.js';
import { closeAll, type Notifier } from '../transport/resources.js';
import { BridgedDirtyPages, isDmaLogging } from './bridged-dirty-pages.js';
import type { BridgedInterrupts } from './bridged-interrupts.js';
import { type ClientState, restoreState } from './client-state.js';
import type { DeviceLink } from './device-link.js';
import { lasting, refusedByDevice } from './forwarded-access.js';

/** The two ends that a bridge connects, and the state it keeps for its client. */
export interface BridgedEnds {
  readonly host: HostEnd;
  readonly link: DeviceLink;
  readonly device: DeviceEnd;
  /** The client's memory. */
  readonly space: DmaSpace;
  readonly interrupts: BridgedInterrupts;
}

/**
 * Answers a client's requests, except register accesses. Memory and interrupts are kept here and
 * forwarded to the device; everything else is forwarded only. While the device is unreachable,
 * requests that only change kept state succeed; the device gets that state when it is back.
 */
export class BridgeRequests {
  readonly #ends: BridgedEnds;
  readonly #dirtyPages: BridgedDirtyPages;
  readonly #state: ClientState;

  constructor(ends: BridgedEnds) {
    const { space, interrupts } = ends;
    this.#ends = ends;
    this.#dirtyPages = new BridgedDirtyPages(ends);
    this.#state = {
      mappings: (device) =>
        space.mappings().map((mapping) => () => {
          const body = this.#mapRequest(device, mapping);
          return call(device, Command.DMA_MAP, body, () => undefined);
        }),
      dirtyPageLog: (device) => this.#dirtyPages.restoreSteps(device),
      interrupts: (device) => interrupts.restoreSteps(device),
    };
  }

  async handle(request: RequestMessage, received: ReceivedDescriptors): Promise<Answer> {
    switch (request.command) {
      case Command.DMA_MAP:
        return { body: await this.#map(request.body, received) };
      case Command.DMA_UNMAP:
        return { body: await this.#unmap(request.body) };
      case Command.DEVICE_GET_REGION_INFO: {
        const { argsz, index } = request.body;
        if (argsz < REGION_INFO_BYTES) throw new RequestRefusedError(EINVAL, 'argsz is too small');
        const asked = { argsz: REGION_INFO_BYTES, index };
        const info = await this.#query(request.command, asked);
        this.#ends.link.told.region(info);
        return { body: trapped(info) };
      }
      case Command.DEVICE_GET_REGION_IO_FDS: {
        const { flags, index } = request.body;
        return { body: { argsz: REGION_IO_FDS_HEAD_BYTES, flags, index, count: 0, entries: [] } };
      }
      case Command.DEVICE_SET_IRQS:
        return { body: await this.#setIrqs(request.body, received) };
      case Command.DEVICE_RESET:
        return { body: await this.#forward(request.command, undefined) };
      case Command.DEVICE_FEATURE:
        if (isDmaLogging(request.body.flags)) {
          return { body: await this.#dirtyPages.handle(request.body) };
        }
        return { body: await this.#query(request.command, keptData(request.body)) };
      case Command.DEVICE_GET_INFO: {
        const info = await this.#query(request.command, request.body);
        this.#ends.link.told.info(info);
        return { body: info };
      }
      case Command.DEVICE_GET_IRQ_INFO: {
        const info = await this.#query(request.command, request.body);
        this.#ends.link.told.interrupts(info);
        return { body: this.#ends.host.peer.carriesInterrupts ? info : withoutEvents(info) };
      }
      case Command.MIG_DATA_READ:
        return { body: await this.#query(request.command, request.body) };
      case Command.MIG_DATA_WRITE:
        return { body: await this.#query(request.command, keptData(request.body)) };
      default:
        throw new RequestRefusedError(
          EINVAL,
          `${commandName(request.command)} is not a request to a server, or not one for now`,
        );
    }
  }

  /** The device is connected again: send it the state that the client has set. */
  restore(device: Peer): Promise<void> {
    return restoreState(this.#state, device);
  }

  /** The link to the device is lost. */
  onLost(device: Peer): void {
    this.#dirtyPages.onLost(device);
  }

  #mapRequest(device: Peer, mapping: DmaMapping): RequestBodies[typeof Command.DMA_MAP] {
    const { mappings } = this.#ends.device;
    return mappings.mapRequest(mapping, mappings.expose(device.connection, mapping));
  }

  async #map(body: DmaMap, received: ReceivedDescriptors): Promise<undefined> {
    const { link, host, space } = this.#ends;
    const { mapping, isNew } = await host.memory.map(body, received);
    // The device has it already, or gets it on reconnection.
    if (!isNew || !link.up) return undefined;
    try {
      return await this.#forward(Command.DMA_MAP, this.#mapRequest(link.peer, mapping));
    } catch (error) {
      void space.remove(mapping);
      throw error;
    }
  }

  /** The device stops using the memory first, if it is reachable; what it has posted arrives. */
  async #unmap(body: DmaUnmap): Promise<ReplyBodies[typeof Command.DMA_UNMAP]> {
    const { argsz, flags, address, size } = body;
    const { device, link } = this.#ends;
    await this.#forward(Command.DMA_UNMAP, { argsz, flags: flags & ~1, address, size });
    await device.postedWritesEnd(link.answerBy);
    this.#dirtyPages.beforeUnmap(body);
    return this.#ends.host.memory.unmap(body);
  }

  async #setIrqs(body: SetIrqs, received: ReceivedDescriptors): Promise<undefined> {
    const { index, count } = body;
    if (index >= NUM_IRQS) {
      throw new RequestRefusedError(EINVAL, `DEVICE_SET_IRQS: there is no index ${index}`);
    }
    // Only the device knows how many vectors there are.
    const { link, host } = this.#ends;
    const events = host.notifiers.count(body, received);
    validateSetIrqs(body, events, MAX_VECTORS);
    if (events > 0 && link.up && !link.peer.carriesInterrupts) {
      const text = 'the device cannot signal interrupts over its link: it did not name interrupt';
      throw new RequestRefusedError(EINVAL, `DEVICE_SET_IRQS: ${text}`);
    }
    const notifiers = host.notifiers.take(body, received);
    const step = link.up ? link.maxEvents : count;
    if (notifiers.length <= step) return this.#setPart(body, notifiers);
    for (let at = 0; at < count; at += step) {
      const part = notifiers.slice(at, at + step);
      try {
        await this.#setPart({ ...body, start: body.start + at, count: part.length }, part);
      } catch (error) {
        closeAll(notifiers.slice(at + step));
        throw error;
      }
    }
    return undefined;
  }

  /** Sets as many vectors as one message to the device can carry. */
  async #setPart(body: SetIrqs, notifiers: readonly Notifier[]): Promise<undefined> {
    const { link, interrupts } = this.#ends;
    const device = link.up ? link.peer : undefined;
    const change = interrupts.begin(body, notifiers, device);
    if (device !== undefined) {
      const assigned = { ...body, events: change.events };
      try {
        await link.call(Command.DEVICE_SET_IRQS, assigned, () => undefined, change.descriptors);
      } catch (error) {
        if (error instanceof RemoteError) {
          change.undo();
          throw refusedByDevice(error);
        }
      }
    }
    change.keep();
    return undefined;
  }

  /**
   * Forward a change. If the device is unreachable it is restored later; a late answer counts as
   * success.
   */
  async #forward<C extends KnownCommand>(command: C, body: RequestBodies[C]): Promise<undefined> {
    const { link } = this.#ends;
    if (!link.up) return undefined;
    try {
      return await link.call(command, body, () => undefined);
    } catch (error) {
      if (error instanceof RemoteError) throw refusedByDevice(error);
      return undefined;
    }
  }

  /** Forward a query that only the device can answer. */
  async #query<C extends KnownCommand>(
    command: C,
    body: RequestBodies[C],
  ): Promise<ReplyBodies[C]> {
    const { link } = this.#ends;
    try {
      return await link.call(command, body, kept);
    } catch (error) {
      if (error instanceof RemoteError) throw refusedByDevice(error);
      const isSlow = VfioUserError.is(error) && error.code === 'VFU_TIMEOUT';
      throw isSlow
        ? new RequestRefusedError(ETIMEDOUT, `the device is slow: ${error.message}`)
        : new RequestRefusedError(ENODEV, `${commandName(command)}: the device is out of reach`, {
            cause: error,
          });
    }
  }
}

/** A region of the device as seen through a bridge: every access is a message. */
function trapped(info: RegionInfo): RegionInfo {
  const { sparse: _, ...rest } = info;
  return { ...rest, argsz: REGION_INFO_BYTES, offset: 0, flags: info.flags & ~REGION_FLAG_MMAP };
}

/** A copy of a reply, to outlive the frame it came in. */
function kept<T>(body: T): T {
  if (typeof body !== 'object' || body === null) return body;
  const data = 'data' in body ? body.data : undefined;
  return data instanceof Uint8Array ? { ...body, data: data.slice() } : body;
}

/** A copy of the request's data, which may be sent after its frame is gone. */
function keptData<T extends { readonly data: Uint8Array }>(body: T): T {
  return { ...body, data: lasting(body.data) };
}
