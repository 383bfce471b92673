import { EINVAL } from '../../errno.js';
import { RequestRefusedError } from '../../errors.js';
import { IO_FD_TYPE_IOEVENTFD } from '../../protocol/constants.js';
import type { RegionIoFds, RegionIoFdsRequest } from '../../protocol/messages.js';
import type { Descriptor, EventSource } from '../../transport/resources.js';
import type { RequestContext } from './context.js';

const HEAD_BYTES = 16;
const ENTRY_BYTES = 40;

export interface RegionIoFdsReply {
  readonly body: RegionIoFds;
  readonly descriptors: readonly Descriptor[];
}

/**
 * "DEVICE_GET_REGION_IO_FDS": events the client may signal instead of writing a register. Made on
 * the first request and kept until the client leaves.
 */
export class RegionIoFdsHandler {
  readonly #context: RequestContext;
  readonly #events = new Map<object, EventSource>();

  constructor(context: RequestContext) {
    this.#context = context;
  }

  handle(request: RegionIoFdsRequest): RegionIoFdsReply {
    const { argsz, flags, index, count } = request;
    const region = this.#context.device.pci.region(index);
    if (flags !== 0 || count !== 0) throw refused(index, 'flags and count must be 0');
    if (argsz > this.#context.limits.maxDataXferSize)
      throw refused(index, 'argsz is above the limit');
    if (region === undefined) throw refused(index, 'the device has no such region');
    const { resources } = this.#context.peer.connection;
    const definitions = resources === undefined ? [] : (region.ioEvents ?? []);
    const needed = HEAD_BYTES + ENTRY_BYTES * definitions.length;
    const head = { argsz: needed, flags: 0, index, count: definitions.length };
    if (argsz < needed || resources === undefined || definitions.length === 0) {
      return { body: { ...head, entries: [] }, descriptors: [] };
    }
    if (definitions.length > this.#context.client.maxMsgFds) {
      throw refused(
        index,
        `${definitions.length} descriptors, the client takes ${this.#context.client.maxMsgFds}`,
      );
    }
    const descriptors: Descriptor[] = [];
    const entries = definitions.map((definition, fdIndex) => {
      let event = this.#events.get(definition);
      if (event === undefined) {
        event = resources.createEvent(() => definition.onSignal());
        this.#events.set(definition, event);
      }
      descriptors.push(event.descriptor());
      return {
        offset: definition.offset,
        size: definition.size,
        fdIndex,
        type: IO_FD_TYPE_IOEVENTFD,
        flags: 0,
        datamatch: definition.datamatch ?? 0n,
      };
    });
    return { body: { ...head, entries }, descriptors };
  }

  close(): void {
    for (const event of this.#events.values()) event.close();
    this.#events.clear();
  }
}

function refused(index: number, why: string): RequestRefusedError {
  return new RequestRefusedError(EINVAL, `DEVICE_GET_REGION_IO_FDS of region ${index}: ${why}`);
}
