import type { Iova } from '../address.js';
import type { MappedMemory } from './resources.js';

/** A range of memory that the peer may access by RDMA, as announced in "DMA_MAP". */
export interface ExposedRange {
  /** Start of the range in the mapping, bytes. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Address for the adapter of the memory's owner. */
  readonly address: Iova;
  /** Key for that adapter. */
  readonly key: number;
}

/** Memory that the peer may access until it is closed. */
export interface ExposedMemory {
  /** In order and without overlap. The gaps are accessed by messages. */
  readonly ranges: readonly ExposedRange[];
  /** When this returns, the peer cannot touch the memory any more. Idempotent. */
  close(): void;
}

/** Rights of the peer. */
export interface AccessRights {
  readonly readable: boolean;
  readonly writable: boolean;
}

/** How far an adapter has come with the accesses of its peer. */
export interface AdapterProgress {
  /** Number of the connection: {@link OneSidedMemory.peerId} at the peer. */
  readonly id: number;
  /** What is behind it was not carried out. */
  readonly position: number;
}

/**
 * One-sided access to the peer's memory (RDMA). Present on a connection exactly when its capability
 * `oneSidedMemory` is on. Reads, writes and frames take effect at the peer in the order of the
 * calls.
 */
export interface OneSidedMemory {
  /** Description for display, for example `RDMA by rxe0`. */
  readonly description: string;
  /**
   * Let the peer access `memory` with just these rights. There may be no ranges if it is
   * impossible.
   */
  expose(memory: MappedMemory, rights: AccessRights): ExposedMemory;
  /** Copy from memory that the peer exposed. `target` must stay untouched until it is done. */
  read(range: ExposedRange, offset: number, target: Uint8Array): Promise<void>;
  /** Copy into memory that the peer exposed. `source` must stay unchanged until it is done. */
  write(range: ExposedRange, offset: number, source: Uint8Array): Promise<void>;
  /** Number of this connection for the peer's {@link progress}. */
  readonly peerId?: number;
  /** Once the connection is lost, if it is known. */
  readonly progress?: AdapterProgress | undefined;
  /**
   * Whether a transfer had taken effect that failed with `error` when the connection was lost.
   * @param position that of the peer's progress.
   */
  tookEffect?(error: unknown, position: number): boolean;
}
