import { errno, type Iova } from '@vfio-user/core';
import { benchRegisters as command } from './registers.js';

/** A DMA command together with the registers' values at the moment it was written. */
export interface DmaRequest {
  readonly command: number;
  readonly source: Iova;
  readonly destination: Iova;
  readonly length: number;
  /** Bytes, a multiple of 4. */
  readonly chunk: number;
  readonly depth: number;
  readonly repeat: number;
  readonly pattern: number;
}

/** Limits of DMA_CHUNK and DMA_DEPTH, which bound the memory an operation takes. */
const MAX_CHUNK = 2 ** 20;
const MAX_DEPTH = 64;

const ADDRESS_SPACE = 2n ** 64n;

type Place = 'guest' | 'device' | 'none';

const places: ReadonlyMap<number, { readonly source: Place; readonly destination: Place }> =
  new Map([
    [command.DMA_COPY_GUEST, { source: 'guest', destination: 'guest' }],
    [command.DMA_LOAD, { source: 'guest', destination: 'device' }],
    [command.DMA_STORE, { source: 'device', destination: 'guest' }],
    [command.DMA_FILL_GUEST, { source: 'none', destination: 'guest' }],
    [command.DMA_CHECKSUM_GUEST, { source: 'guest', destination: 'none' }],
  ]);

export function clampChunk(bytes: number): number {
  return Math.min(Math.max(bytes - (bytes % 4), 4), MAX_CHUNK);
}

export function clampDepth(transfers: number): number {
  return Math.min(Math.max(transfers, 1), MAX_DEPTH);
}

/**
 * Why a request cannot be run, as an errno; 0 if nothing speaks against trying. Whether the client
 * mapped the guest's range is found out on the way.
 */
export function refusal(request: DmaRequest, memoryBytes: number): number {
  const place = places.get(request.command);
  if (place === undefined) return errno.EINVAL;
  if (request.length > Number.MAX_SAFE_INTEGER) return errno.EOVERFLOW;
  return (
    refusedRange(place.source, request.source, request.length, memoryBytes) ||
    refusedRange(place.destination, request.destination, request.length, memoryBytes)
  );
}

function refusedRange(place: Place, start: Iova, length: number, memoryBytes: number): number {
  if (place === 'guest') {
    // A start below 2^53 and such a length cannot reach the end of the address space.
    const fits = typeof start === 'number' || start + BigInt(length) <= ADDRESS_SPACE;
    return fits ? 0 : errno.EFAULT;
  }
  if (place === 'device') {
    return typeof start === 'number' && start + length <= memoryBytes ? 0 : errno.ERANGE;
  }
  return 0;
}
