import { IO_FD_TYPE_IOEVENTFD } from '../protocol/constants.js';
import { Command, ExtensionCommand } from '../protocol/enums.js';
import type { RegionIoFd, RegionIoFds } from '../protocol/messages.js';
import { call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import { closeAll, type Descriptor } from '../transport/resources.js';

/** Room for the head and a few entries: enough for most regions at the first attempt. */
const FIRST_ARGSZ = 512;

/** An ioeventfd: signalled instead of writing a register. */
export interface Doorbell {
  /** The register: bytes from the start of the region, and bytes per write. */
  readonly offset: number;
  readonly size: number;
  /** The value whose write it replaces. */
  readonly datamatch: bigint;
  ring(): void;
  close(): void;
}

interface Reply {
  readonly body: RegionIoFds;
  /** By index. What is left in it is closed. */
  readonly received: Map<number, Descriptor>;
}

/** The ioeventfds of the device's regions ("DEVICE_GET_REGION_IO_FDS"). */
export class DeviceDoorbells {
  readonly #peer: Peer;
  readonly #maxArgsz: number;

  constructor(peer: Peer, maxArgsz: number) {
    this.#peer = peer;
    this.#maxArgsz = maxArgsz;
  }

  /** The ioeventfds of one region: descriptors, or DOORBELL messages where none can be passed. */
  async of(region: number): Promise<readonly Doorbell[]> {
    const { body, received } = await this.#request(region);
    const doorbells: Doorbell[] = [];
    try {
      for (const [at, entry] of body.entries.entries()) {
        const ringing = this.#peer.extensions.doorbells
          ? this.#byMessage(region, at)
          : this.#byDescriptor(entry, received);
        if (ringing === undefined) continue;
        const { offset, size, datamatch } = entry;
        doorbells.push({ offset, size, datamatch, ...ringing });
      }
      return doorbells;
    } catch (error) {
      closeAll(doorbells);
      throw error;
    } finally {
      for (const descriptor of received.values()) descriptor.close();
    }
  }

  #byMessage(region: number, entry: number): Pick<Doorbell, 'ring' | 'close'> {
    return {
      ring: () => void this.#peer.post(ExtensionCommand.DOORBELL, { region, entry, count: 1 }),
      close() {},
    };
  }

  /** Entries of other types, or without a descriptor, are skipped: write the register instead. */
  #byDescriptor(
    { fdIndex, type }: RegionIoFd,
    received: Map<number, Descriptor>,
  ): Pick<Doorbell, 'ring' | 'close'> | undefined {
    const descriptor = received.get(fdIndex);
    const { resources } = this.#peer.connection;
    if (descriptor === undefined || resources === undefined) return undefined;
    if (type !== IO_FD_TYPE_IOEVENTFD) return undefined;
    received.delete(fdIndex);
    const notifier = resources.notifier(descriptor);
    return { ring: () => notifier.signal(), close: () => notifier.close() };
  }

  /** Repeats the request with a larger argsz when the reply did not fit. */
  async #request(region: number): Promise<Reply> {
    const first = await this.#requestWith(FIRST_ARGSZ, region);
    const { argsz, count, entries } = first.body;
    if (count === entries.length || argsz <= FIRST_ARGSZ) return first;
    return this.#requestWith(Math.min(argsz, this.#maxArgsz), region);
  }

  #requestWith(argsz: number, index: number): Promise<Reply> {
    const request = { argsz, flags: 0, index, count: 0 };
    return call(
      this.#peer,
      Command.DEVICE_GET_REGION_IO_FDS,
      request,
      (body, received): Reply => ({ body, received: new Map(received.splice(0).entries()) }),
    );
  }
}
