import type { Iova } from '../address.js';
import type { MappedMemory } from './resources.js';

/** A piece of memory that the peer may reach by itself: what "DMA_MAP" tells it. */
export interface ExposedRange {
  /** Where the piece starts in the mapping, bytes. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Where the adapter of the memory's owner finds it. */
  readonly address: Iova;
  /** What that adapter asks for. */
  readonly key: number;
}

/** Memory of ours that the peer may reach, until it is closed. */
export interface ExposedMemory {
  /** In order and without overlap. What they leave out is reached by messages. */
  readonly ranges: readonly ExposedRange[];
  /** When this returns, the peer cannot touch the memory any more. Idempotent. */
  close(): void;
}

/** What the owner of memory allows the peer. */
export interface AccessRights {
  readonly readable: boolean;
  readonly writable: boolean;
}

/**
 * Present on a connection exactly when its capability `oneSidedMemory` is on. What is read and
 * written here and the frames that are sent take effect at the peer in the order of the calls.
 */
export interface OneSidedMemory {
  /** How it is done, for people: `RDMA by rxe0`. */
  readonly description: string;
  /** Let the peer reach `memory` with just these rights. None of it, if that is not possible. */
  expose(memory: MappedMemory, rights: AccessRights): ExposedMemory;
  /** Copy from memory that the peer exposed. `target` must stay untouched until it is done. */
  read(range: ExposedRange, offset: number, target: Uint8Array): Promise<void>;
  /** Copy into memory that the peer exposed. `source` must stay unchanged until it is done. */
  write(range: ExposedRange, offset: number, source: Uint8Array): Promise<void>;
}
