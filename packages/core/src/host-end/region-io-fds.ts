import type { IoEventDefinition } from '../device/device.js';
import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { PciFunction } from '../pci/function.js';
import { IO_FD_TYPE_IOEVENTFD } from '../protocol/constants.js';
import type {
  DoorbellSignal,
  RegionIoFd,
  RegionIoFds,
  RegionIoFdsRequest,
} from '../protocol/messages.js';
import { REGION_IO_FD_BYTES, REGION_IO_FDS_HEAD_BYTES } from '../protocol/struct-sizes.js';
import type { Peer } from '../session/peer.js';
import {
  closeAll,
  descriptorOfEach,
  type EventSource,
  type SharedResources,
} from '../transport/resources.js';
import type { Answer } from './control-requests.js';

/** fd_index of an entry without a descriptor. */
const NO_DESCRIPTOR = 0xffff_ffff;

/**
 * "DEVICE_GET_REGION_IO_FDS": events that the client may signal instead of writing a register.
 * Created on the first request and kept until the client leaves.
 */
export class RegionIoFdsHandler {
  readonly #pci: PciFunction;
  readonly #peer: Peer;
  readonly #maxArgsz: number;
  readonly #events = new Map<IoEventDefinition, EventSource>();

  /** @param maxArgsz most bytes of a reply. */
  constructor(pci: PciFunction, peer: Peer, maxArgsz: number) {
    this.#pci = pci;
    this.#peer = peer;
    this.#maxArgsz = maxArgsz;
  }

  /** @param maxMsgFds most descriptors in a message that the client takes. */
  handle(request: RegionIoFdsRequest, maxMsgFds: number): Answer<RegionIoFds> {
    const { argsz, flags, index, count } = request;
    const region = this.#pci.region(index);
    if (flags !== 0 || count !== 0) throw refused(index, 'flags and count must be 0');
    if (argsz > this.#maxArgsz) throw refused(index, 'argsz is above the limit');
    if (region === undefined) throw refused(index, 'the device has no such region');
    const { connection, extensions } = this.#peer;
    const { resources } = connection;
    const reachable = extensions.doorbells || resources !== undefined;
    const definitions = reachable ? (region.ioEvents ?? []) : [];
    const needed = REGION_IO_FDS_HEAD_BYTES + REGION_IO_FD_BYTES * definitions.length;
    const head = { argsz: needed, flags: 0, index, count: definitions.length };
    if (argsz < needed || definitions.length === 0) {
      return { body: { ...head, entries: [] } };
    }
    if (extensions.doorbells || resources === undefined) {
      const entries = definitions.map((definition) => entry(definition, NO_DESCRIPTOR));
      return { body: { ...head, entries } };
    }
    if (definitions.length > maxMsgFds) {
      throw refused(index, `${definitions.length} descriptors, the client takes ${maxMsgFds}`);
    }
    const descriptors = descriptorOfEach(definitions, (definition) =>
      this.#event(definition, resources).descriptor(),
    );
    return { body: { ...head, entries: definitions.map(entry) }, descriptors };
  }

  /** DOORBELL: the same as signalling the descriptor of an entry. */
  ring({ region, entry: at, count }: DoorbellSignal): void {
    const definition = this.#pci.region(region)?.ioEvents?.[at];
    if (definition === undefined) throw refused(region, `no entry ${at}`);
    // As with an eventfd, several signals may be handled as one.
    if (count > 0) definition.onSignal();
  }

  #event(definition: IoEventDefinition, resources: SharedResources): EventSource {
    let event = this.#events.get(definition);
    if (event === undefined) {
      event = resources.createEvent(() => definition.onSignal());
      this.#events.set(definition, event);
    }
    return event;
  }

  close(): void {
    closeAll([...this.#events.values()]);
    this.#events.clear();
  }
}

function entry({ offset, size, datamatch = 0n }: IoEventDefinition, fdIndex: number): RegionIoFd {
  return { offset, size, fdIndex, type: IO_FD_TYPE_IOEVENTFD, flags: 0, datamatch };
}

function refused(index: number, why: string): RequestRefusedError {
  return new RequestRefusedError(EINVAL, `DEVICE_GET_REGION_IO_FDS of region ${index}: ${why}`);
}
