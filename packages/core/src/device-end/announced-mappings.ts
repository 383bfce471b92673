import type { DmaSpace } from '../memory/dma-space.js';
import type { DmaMapping } from '../memory/mapping.js';
import { DMA_MAP_READ, DMA_MAP_WRITE } from '../protocol/constants.js';
import type { DmaMap } from '../protocol/messages.js';
import { DMA_MAP_BYTES } from '../protocol/struct-sizes.js';
import type { ExposedMemory, ExposedRange } from '../transport/one-sided.js';
import type { Connection } from '../transport/transport.js';

interface Exposure {
  /** The connection it was announced on. */
  readonly connection: Connection;
  readonly memory: ExposedMemory;
}

/**
 * The mappings announced to devices ("DMA_MAP"), and what of them is exposed for RDMA. An unmapped
 * range is withdrawn before its memory is released.
 */
export class AnnouncedMappings {
  readonly #exposed = new Map<DmaMapping, Exposure>();

  constructor(space: DmaSpace) {
    space.onUnmap((_address, _size, mapping) => this.#revoke(mapping));
  }

  /**
   * The DMA_MAP request for a mapping.
   * @param offset of the range in the file whose descriptor is attached, if any.
   */
  mapRequest(
    { address, size, readable, writable }: DmaMapping,
    exposed: readonly ExposedRange[] | undefined,
    offset = 0n,
  ): DmaMap {
    const flags = (readable ? DMA_MAP_READ : 0) | (writable ? DMA_MAP_WRITE : 0);
    return { argsz: DMA_MAP_BYTES, flags, offset, address, size, exposed };
  }

  /**
   * The exposed ranges of a mapping, `undefined` if there are none. The same ranges are returned
   * each time, as the device goes on using them.
   */
  expose(connection: Connection, mapping: DmaMapping): readonly ExposedRange[] | undefined {
    const before = this.#exposed.get(mapping);
    if (before?.connection === connection) return before.memory.ranges;
    this.#revoke(mapping);
    const { memory, readable, writable } = mapping;
    if (connection.oneSided === undefined || memory === undefined) return undefined;
    const exposed = connection.oneSided.expose(memory, { readable, writable });
    this.#exposed.set(mapping, { connection, memory: exposed });
    return exposed.ranges;
  }

  #revoke(mapping: DmaMapping): void {
    const exposed = this.#exposed.get(mapping);
    this.#exposed.delete(mapping);
    exposed?.memory.close();
  }
}
