import { canonicalIova, type Iova } from '../address.js';
import { VfioUserError } from '../errors.js';
import type { DmaSpace } from '../memory/dma-space.js';
import type { DmaMapping } from '../memory/mapping.js';
import type { AddedMapping } from '../memory/mapping-table.js';
import { DMA_UNMAP_ALL } from '../protocol/constants.js';
import { Command } from '../protocol/enums.js';
import type { DmaUnmap } from '../protocol/messages.js';
import { DMA_UNMAP_BYTES } from '../protocol/struct-sizes.js';
import { type CallOptions, call } from '../session/call.js';
import type { Peer } from '../session/peer.js';
import { MemoryWindow } from '../transport/memory-window.js';
import type { AnnouncedMappings } from './announced-mappings.js';
import type { GuestMemory } from './guest-memory.js';

export interface DmaMapOptions extends CallOptions {
  /** Page-aligned. */
  readonly address: Iova;
  readonly memory: GuestMemory;
  /** Start of the range in `memory`, bytes. Default 0. */
  readonly offset?: number;
  /** Bytes. Default: the rest of `memory`. */
  readonly length?: number;
  /** Default: both `true`. */
  readonly readable?: boolean;
  readonly writable?: boolean;
  /**
   * `false`: neither pass a descriptor nor expose the memory, so that the server must use messages.
   * Default `true`.
   */
  readonly share?: boolean;
}

/** The memory that a client maps for its device ("DMA_MAP", "DMA_UNMAP"). */
export class DmaMappings {
  readonly #peer: Peer;
  readonly #space: DmaSpace;
  readonly #mappings: AnnouncedMappings;
  /** Requests in flight, by mapping. */
  readonly #changes = new Map<DmaMapping, Promise<void>>();

  constructor(peer: Peer, space: DmaSpace, mappings: AnnouncedMappings) {
    this.#peer = peer;
    this.#space = space;
    this.#mappings = mappings;
  }

  /**
   * Map a range for the device. Mapping an identical range again changes nothing.
   * @throws {RequestRefusedError} EEXIST when it overlaps another range.
   * @throws {RemoteError} when the server refuses.
   */
  async map(options: DmaMapOptions): Promise<void> {
    const { memory, offset = 0, readable = true, writable = true, share = true } = options;
    const { signal } = options;
    const address = canonicalIova(options.address);
    const size = options.length ?? memory.length - offset;
    if (!(isCount(offset) && isCount(size) && offset + size <= memory.length)) {
      throw new VfioUserError(
        'VFU_CONFIG_INVALID',
        `${size} bytes at ${offset} are no part of guest memory of ${memory.length} bytes`,
      );
    }
    const shareable = share && this.#peer.connection.capabilities.sharedMemory;
    const request = { address, size, readable, writable, fileOffset: BigInt(offset) };
    // Registered first: the server may use it before its reply arrives.
    const add = (): AddedMapping =>
      this.#space.add(request, {
        isSame: (mapped) => mapped instanceof MemoryWindow && mapped.isSame(memory, offset),
        take: () => ({ memory: new MemoryWindow(memory, offset, size) }),
      });
    let added = add();
    while (this.#isChanging(added.mapping)) {
      await this.#changed(added.mapping);
      signal?.throwIfAborted();
      added = add();
    }
    const { mapping, isNew } = added;
    await this.#change([mapping], async () => {
      try {
        const { connection } = this.#peer;
        const exposed = share ? this.#mappings.expose(connection, mapping) : undefined;
        const body = this.#mappings.mapRequest(mapping, exposed, BigInt(offset));
        const descriptor = shareable ? memory.descriptor?.() : undefined;
        const descriptors = descriptor === undefined ? [] : [descriptor];
        await call(this.#peer, Command.DMA_MAP, body, () => undefined, descriptors);
        if (isNew && signal?.aborted) await this.#takeBack(address, size, signal);
      } catch (error) {
        if (isNew) void this.#space.remove(mapping);
        throw error;
      }
    });
  }

  async unmap(iova: Iova, size: number): Promise<void> {
    const address = canonicalIova(iova);
    const find = (): DmaMapping | undefined => this.#space.exact(address, size);
    let mapping = find();
    while (this.#isChanging(mapping)) {
      await this.#changed(mapping);
      mapping = find();
    }
    const body = { argsz: DMA_UNMAP_BYTES, flags: 0, address, size };
    await this.#unmap(mapping === undefined ? [] : [mapping], body);
  }

  async unmapAll(): Promise<void> {
    const body = { argsz: DMA_UNMAP_BYTES, flags: DMA_UNMAP_ALL, address: 0, size: 0 };
    await this.#unmap(this.#space.mappings(), body);
  }

  /** The caller has aborted: unmap it at the server again. */
  async #takeBack(address: Iova, size: number, signal: AbortSignal): Promise<never> {
    const body = { argsz: DMA_UNMAP_BYTES, flags: 0, address, size };
    await call(this.#peer, Command.DMA_UNMAP, body, () => undefined);
    throw signal.reason;
  }

  #unmap(mappings: readonly DmaMapping[], body: DmaUnmap): Promise<void> {
    return this.#change(mappings, async () => {
      await call(this.#peer, Command.DMA_UNMAP, body, () => undefined);
      for (const mapping of mappings) void this.#space.remove(mapping);
    });
  }

  async #change(mappings: readonly DmaMapping[], work: () => Promise<void>): Promise<void> {
    const change = work();
    for (const mapping of mappings) this.#changes.set(mapping, change);
    try {
      await change;
    } finally {
      for (const mapping of mappings) {
        if (this.#changes.get(mapping) === change) this.#changes.delete(mapping);
      }
    }
  }

  /** Whether a request about the mapping is in flight. */
  #isChanging(mapping: DmaMapping | undefined): mapping is DmaMapping {
    return mapping !== undefined && this.#changes.has(mapping);
  }

  async #changed(mapping: DmaMapping): Promise<void> {
    await Promise.allSettled([this.#changes.get(mapping)]);
  }
}

function isCount(bytes: number): boolean {
  return Number.isSafeInteger(bytes) && bytes >= 0;
}
