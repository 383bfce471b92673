import { REGION_FLAG_MMAP } from '../protocol/constants.js';
import { Command } from '../protocol/enums.js';
import type { RegionData, RegionInfo } from '../protocol/messages.js';
import { REGION_INFO_BYTES } from '../protocol/struct-sizes.js';
import { type CallOptions, call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import { MemoryWindow } from '../transport/memory-window.js';
import type { Descriptor, MappedMemory } from '../transport/resources.js';
import type { PushSource } from './push-source.js';

/** A mapped part of a region: loads and stores reach the device without messages. */
export interface MappedArea {
  /** Bytes from the start of the region. */
  readonly offset: number;
  readonly memory: MappedMemory;
}

export interface MappedRegion {
  /** Empty when nothing of the region can be mapped. */
  readonly areas: readonly MappedArea[];
  close(): void;
}

/** Access to the device's regions. */
export class DeviceRegions {
  readonly #peer: Peer;
  readonly #pushes: PushSource;
  readonly #maxArgsz: number;

  constructor(peer: Peer, pushes: PushSource, maxArgsz: number) {
    this.#peer = peer;
    this.#pushes = pushes;
    this.#maxArgsz = maxArgsz;
  }

  async info(index: number): Promise<RegionInfo> {
    const { info, descriptor } = await this.#info(index);
    descriptor?.close();
    return info;
  }

  read(region: number, offset: number, count: number, options?: CallOptions): Promise<Uint8Array> {
    const body = { region, offset, count };
    return call(this.#peer, Command.REGION_READ, body, dataOf, undefined, options);
  }

  write(region: number, offset: number, data: Uint8Array, options?: CallOptions): Promise<void> {
    const body = this.#writing(region, offset, data);
    return call(this.#peer, Command.REGION_WRITE, body, () => undefined, undefined, options);
  }

  /** A posted write. `false`: send no more until the peer has drained. */
  post(region: number, offset: number, data: Uint8Array): boolean {
    return this.#peer.post(Command.REGION_WRITE, this.#writing(region, offset, data));
  }

  /** Map the mappable areas of a region. */
  async map(index: number): Promise<MappedRegion> {
    const { info, descriptor } = await this.#info(index);
    const { resources } = this.#peer.connection;
    if (descriptor === undefined || resources === undefined || !(info.flags & REGION_FLAG_MMAP)) {
      descriptor?.close();
      return { areas: [], close() {} };
    }
    const ranges = info.sparse ?? [{ offset: 0, size: Number(info.size) }];
    const first = Math.min(...ranges.map((range) => range.offset));
    const end = Math.max(...ranges.map((range) => range.offset + range.size));
    const memory = resources.mapMemory(descriptor, {
      offset: BigInt(info.offset) + BigInt(first),
      length: end - first,
      readable: true,
      writable: true,
    });
    const areas = ranges.map(({ offset, size }) => ({
      offset,
      memory: new MemoryWindow(memory, offset - first, size),
    }));
    return { areas, close: () => memory.close() };
  }

  #writing(region: number, offset: number, data: Uint8Array): RegionData {
    const write = { region, offset, count: data.length, data };
    return this.#pushes.accompany(write, this.#peer.extensions.maxPushBytes);
  }

  /** Repeats the request with a larger argsz when the reply did not fit. */
  async #info(
    index: number,
  ): Promise<{ readonly info: RegionInfo; readonly descriptor: Descriptor | undefined }> {
    const ask = (argsz: number) =>
      call(this.#peer, Command.DEVICE_GET_REGION_INFO, { argsz, index }, (info, received) => ({
        info,
        descriptor: received.shift(),
      }));
    const first = await ask(REGION_INFO_BYTES);
    if (first.info.argsz <= REGION_INFO_BYTES || first.info.sparse !== undefined) {
      return first;
    }
    first.descriptor?.close();
    return ask(Math.min(first.info.argsz, this.#maxArgsz));
  }
}

function dataOf(body: RegionData | undefined): Uint8Array {
  return body === undefined ? new Uint8Array(0) : body.data.slice();
}
