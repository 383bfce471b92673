import type { DmaSpace } from '../memory/dma-space.js';
import type { DmaMapping } from '../memory/mapping.js';
import type { ExposedMemory, ExposedRange } from '../transport/one-sided.js';
import type { Connection } from '../transport/transport.js';

interface Exposure {
  /** To the device that was told of it. */
  readonly connection: Connection;
  readonly memory: ExposedMemory;
}

/**
 * What this side lets a device reach by itself. A mapping that goes away is out of its reach before
 * its memory is given back.
 */
export class Exposures {
  readonly #exposed = new Map<DmaMapping, Exposure>();

  constructor(space: DmaSpace) {
    space.onUnmap((_address, _size, mapping) => this.#revoke(mapping));
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
