import type { Iova } from '../address.js';
import type { DmaSpace } from '../dma/dma-space.js';
import type { DmaMapping } from '../dma/mapping.js';
import type { ExposedMemory, ExposedRange } from '../transport/one-sided.js';
import type { Connection } from '../transport/transport.js';

/**
 * What this side lets a device reach by itself. A mapping that goes away is out of its reach before
 * its memory is given back.
 */
export class Exposures {
  /** By the address of the mapping. */
  readonly #exposed = new Map<Iova, ExposedMemory>();

  constructor(space: DmaSpace) {
    space.onUnmap((address) => this.#revoke(address));
  }

  /** What to tell the device about a mapping; `undefined` where it cannot reach any of it. */
  expose(connection: Connection, mapping: DmaMapping): readonly ExposedRange[] | undefined {
    const { address, memory, readable, writable } = mapping;
    this.#revoke(address);
    if (connection.oneSided === undefined || memory === undefined) return undefined;
    const exposed = connection.oneSided.expose(memory, { readable, writable });
    this.#exposed.set(address, exposed);
    return exposed.ranges;
  }

  #revoke(address: Iova): void {
    const exposed = this.#exposed.get(address);
    this.#exposed.delete(address);
    exposed?.close();
  }
}
