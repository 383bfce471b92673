import type { DmaSpace } from '../memory/dma-space.js';
import type { DmaMapping } from '../memory/mapping.js';
import { DMA_MAP_READ, DMA_MAP_WRITE } from '../protocol/constants.js';
import type { DmaMap } from '../protocol/messages.js';
import type { ExposedMemory, ExposedRange } from '../transport/one-sided.js';
import type { Connection } from '../transport/transport.js';

const DMA_MAP_BYTES = 32;

interface Exposure {
  /** To the device that was told of it. */
  readonly connection: Connection;
  readonly memory: ExposedMemory;
}

/**
 * What devices are told of mappings ("DMA_MAP"), and what of them is exposed, so that they reach it
 * by themselves. A mapping that goes away is out of their reach before its memory is given back.
 */
export class AnnouncedMappings {
  readonly #exposed = new Map<DmaMapping, Exposure>();

  constructor(space: DmaSpace) {
    space.onUnmap((_address, _size, mapping) => this.#revoke(mapping));
  }

  /**
   * The request that tells a device of a mapping.
   * @param offset where it starts in the file whose descriptor goes along, if one does.
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
   * What to tell the device about a mapping; `undefined` where it cannot reach any of it. A device
   * that was told before is told the same again, as it goes on using that.
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
