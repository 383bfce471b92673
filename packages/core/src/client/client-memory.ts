import type { Iova } from '../address.js';
import type { DmaSpace } from '../dma/dma-space.js';
import { DmaMapping } from '../dma/mapping.js';
import { VfioUserError } from '../errors.js';
import { Command, DMA_MAP_READ, DMA_MAP_WRITE, DMA_UNMAP_ALL } from '../protocol/constants.js';
import { call } from '../session/call.js';
import { Exposures } from '../session/exposures.js';
import type { Peer } from '../session/peer.js';
import { MemoryWindow } from '../transport/memory-window.js';
import { allocateGuestMemory, type GuestMemory } from './guest-memory.js';

const DMA_MAP_BYTES = 32;
const DMA_UNMAP_BYTES = 24;

export interface DmaMapOptions {
  /** Page-aligned. */
  readonly address: Iova;
  readonly memory: GuestMemory;
  /** Where the range starts in `memory`, bytes; 0 when absent. */
  readonly offset?: number;
  /** Bytes; the rest of `memory` when absent. */
  readonly length?: number;
  /** Both true when absent. */
  readonly readable?: boolean;
  readonly writable?: boolean;
  /** `false` keeps the descriptor back and exposes nothing, so that the server must ask by message. */
  readonly share?: boolean;
}

/** The memory a client lets the device reach ("DMA_MAP", "DMA_UNMAP"). */
export class ClientMemory {
  readonly #peer: Peer;
  readonly #space: DmaSpace;

  readonly #exposures: Exposures;

  constructor(peer: Peer, space: DmaSpace) {
    this.#peer = peer;
    this.#space = space;
    this.#exposures = new Exposures(space);
  }

  allocate(length: number): GuestMemory {
    return allocateGuestMemory(this.#peer.connection.resources, length);
  }

  async map(options: DmaMapOptions): Promise<void> {
    const { address, memory, offset = 0, readable = true, writable = true, share = true } = options;
    const size = options.length ?? memory.length - offset;
    if (offset + size > memory.length) {
      throw new VfioUserError(
        'VFU_CONFIG_INVALID',
        `guest memory of ${memory.length} bytes does not reach to ${offset + size}`,
      );
    }
    const shareable = share && this.#peer.connection.capabilities.sharedMemory;
    const mapping = new DmaMapping({
      address,
      size,
      readable,
      writable,
      fileOffset: BigInt(offset),
      memory: new MemoryWindow(memory, offset, size),
    });
    // Known here first: the server may use it before its reply arrives.
    this.#space.add(mapping);
    try {
      const flags = (readable ? DMA_MAP_READ : 0) | (writable ? DMA_MAP_WRITE : 0);
      const exposed = share ? this.#exposures.expose(this.#peer.connection, mapping) : undefined;
      const body = { argsz: DMA_MAP_BYTES, flags, offset: BigInt(offset), address, size, exposed };
      const descriptor = shareable ? memory.shared?.descriptor() : undefined;
      const descriptors = descriptor === undefined ? [] : [descriptor];
      await call(this.#peer, Command.DMA_MAP, body, () => undefined, descriptors);
    } catch (error) {
      this.#space.remove(mapping);
      throw error;
    }
  }

  async unmap(address: Iova, size: number): Promise<void> {
    const body = { argsz: DMA_UNMAP_BYTES, flags: 0, address, size };
    await call(this.#peer, Command.DMA_UNMAP, body, () => undefined);
    const mapping = this.#space.exact(address, size);
    if (mapping !== undefined) this.#space.remove(mapping);
  }

  async unmapAll(): Promise<void> {
    const body = { argsz: DMA_UNMAP_BYTES, flags: DMA_UNMAP_ALL, address: 0, size: 0 };
    await call(this.#peer, Command.DMA_UNMAP, body, () => undefined);
    this.#space.removeAll();
  }
}
