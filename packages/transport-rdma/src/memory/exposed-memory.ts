import type {
  AccessRights,
  ExposedMemory,
  ExposedRange,
  Logger,
  MappedMemory,
} from '@vfio-user/core';
import { runAll } from '@vfio-user/core/internal';
import type { MemoryRegion, ProtectionDomain } from '../verbs.js';
import { memoryAccess } from './access.js';

/** Adapters take more in one piece, but memory is viewed in windows of this size at most. */
const LARGEST_PIECE_BYTES = 2 ** 30;
/** Memory that cannot be viewed in one piece is cut down to this. */
const PAGE_BYTES = 4096;
/** If not even so much can be pinned, the rest is left to messages. */
const SMALLEST_PINNED_BYTES = 2 ** 24;
/** Most pieces that DMA_MAP carries. */
const MAX_RANGES = 256;

/**
 * Memory registered for the peer: exactly this memory, with exactly these rights. What cannot be
 * registered is left out.
 */
export class RegisteredMemory implements ExposedMemory {
  readonly ranges: readonly ExposedRange[];
  readonly #regions: MemoryRegion[] = [];

  constructor(
    domain: ProtectionDomain,
    memory: MappedMemory,
    rights: AccessRights,
    logger: Logger,
  ) {
    this.ranges = memory.copyOnWrite ? [] : this.#registerAll(domain, memory, rights, logger);
  }

  close(): void {
    const failures: unknown[] = [];
    const steps = this.#regions.splice(0).map((region) => () => region.close());
    runAll(steps, (error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  #registerAll(
    domain: ProtectionDomain,
    memory: MappedMemory,
    rights: AccessRights,
    logger: Logger,
  ): readonly ExposedRange[] {
    const access = memoryAccess.exposed(rights);
    const ranges: ExposedRange[] = [];
    let largest = LARGEST_PIECE_BYTES;
    for (let offset = 0; offset < memory.length && ranges.length < MAX_RANGES; ) {
      const piece = viewAt(memory, offset, largest);
      if (piece === undefined) break;
      const { length } = piece;
      try {
        const region = domain.register(piece, access);
        this.#regions.push(region);
        ranges.push({ offset, length, address: region.address, key: region.remoteKey });
        offset += length;
      } catch (error) {
        if (length > SMALLEST_PINNED_BYTES) {
          largest = pieceOf(length / 2);
          continue;
        }
        const left = memory.length - offset;
        logger.warn(
          { reason: (error as Error).message, bytes: left },
          'guest memory cannot be registered: the device reaches it by messages, which is slower',
        );
        break;
      }
    }
    return ranges;
  }
}

/** As much of the memory from `offset` on as can be viewed in one piece. */
function viewAt(memory: MappedMemory, offset: number, largest: number): Uint8Array | undefined {
  let length = Math.min(memory.length - offset, largest);
  for (;;) {
    const view = memory.view(offset, length);
    if (view !== undefined || length <= PAGE_BYTES) return view;
    length = pieceOf(length / 2);
  }
}

function pieceOf(bytes: number): number {
  return Math.max(PAGE_BYTES, Math.floor(bytes / PAGE_BYTES) * PAGE_BYTES);
}
