import { type Iova, iovaText } from '../address.js';
import { EINVAL, ENOSPC } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { DmaMapping, MappingRequest } from '../memory/mapping.js';
import { ADDRESS_SPACE_PAGES, offsetInPage, PAGE_BYTES, pageOf } from '../memory/page.js';
import {
  DMA_MAP_FILE_IO,
  DMA_MAP_MMAP,
  DMA_MAP_READ,
  DMA_MAP_WRITE,
} from '../protocol/constants.js';
import type { DmaMap } from '../protocol/messages.js';
import type { Received } from '../session/request-table.js';
import type { ExposedRange } from '../transport/one-sided.js';
import type { Descriptor, MappedMemory } from '../transport/resources.js';
import type { MemoryContext } from './context.js';
import type { ServerLimits } from './limits.js';
import { whenQuiesced } from './when-quiesced.js';

const KNOWN_FLAGS = DMA_MAP_READ | DMA_MAP_WRITE | DMA_MAP_MMAP | DMA_MAP_FILE_IO;

/**
 * "DMA_MAP". Identical to an existing mapping is fine and changes nothing; any other overlap is
 * EEXIST.
 * @returns the new mapping, `undefined` when it existed already.
 */
export function handleDmaMap(
  context: MemoryContext,
  body: DmaMap,
  received: Received,
): DmaMapping | undefined | Promise<DmaMapping | undefined> {
  check(body, context.limits, received.length);
  const exposed = exposedRanges(context, body);
  return whenQuiesced(context, () => {
    const { device, maxDmaMaps } = context;
    const { mapping, isNew } = device.dma.add(requestOf(body), {
      isSame: (memory) => isBehind(context, memory, received[0]),
      take() {
        if (device.dma.mappingCount >= maxDmaMaps) {
          const text = `${maxDmaMaps} mappings exist already, that is the limit`;
          throw refused(EINVAL, body.address, text);
        }
        return { memory: mapMemory(context, body, received), exposed };
      },
    });
    return isNew ? mapping : undefined;
  });
}

/** The memory behind the descriptor that came along, if one did. */
function mapMemory(
  context: MemoryContext,
  body: DmaMap,
  received: Received,
): MappedMemory | undefined {
  const { resources } = context.peer.connection;
  const descriptor = resources === undefined ? undefined : received.shift();
  if (descriptor === undefined) return undefined;
  try {
    return resources?.mapMemory(descriptor, {
      offset: body.offset,
      length: Number(body.size),
      readable: (body.flags & DMA_MAP_READ) !== 0,
      writable: (body.flags & DMA_MAP_WRITE) !== 0,
      fileIo: (body.flags & DMA_MAP_FILE_IO) !== 0 && (body.flags & DMA_MAP_MMAP) === 0,
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refused(EINVAL, body.address, why);
  }
}

/** What the client lets us reach by ourselves, where the connection can do that at all. */
function exposedRanges({ peer }: MemoryContext, body: DmaMap): readonly ExposedRange[] {
  if (peer.connection.oneSided === undefined) return [];
  const ranges = body.exposed ?? [];
  let end = 0;
  for (const { offset, length } of ranges) {
    if (offset < end || length === 0 || offset + length > Number(body.size)) {
      const text = `the exposed range [${offset}, +${length}) is empty, overlaps or lies outside`;
      throw refused(EINVAL, body.address, text);
    }
    end = offset + length;
  }
  return ranges;
}

function check(body: DmaMap, limits: ServerLimits, descriptors: number): void {
  const { address, flags, size } = body;
  if ((flags & ~KNOWN_FLAGS) !== 0)
    throw refused(EINVAL, address, `unknown flags 0x${flags.toString(16)}`);
  if ((flags & (DMA_MAP_READ | DMA_MAP_WRITE)) === 0) {
    throw refused(EINVAL, address, 'neither readable nor writable');
  }
  if (descriptors > 1)
    throw refused(EINVAL, address, `${descriptors} descriptors, at most one is meaningful`);
  if (descriptors === 0 && (flags & (DMA_MAP_MMAP | DMA_MAP_FILE_IO)) !== 0) {
    throw refused(EINVAL, address, 'a mode for a descriptor, but no descriptor');
  }
  if (size > limits.maxDmaMapBytes) {
    throw refused(ENOSPC, address, `${size} bytes, the limit is ${limits.maxDmaMapBytes}`);
  }
  const bytes = Number(size);
  if (bytes === 0 || bytes % PAGE_BYTES !== 0 || offsetInPage(address) !== 0) {
    throw refused(EINVAL, address, `address and size ${bytes} must be multiples of ${PAGE_BYTES}`);
  }
  if (pageOf(address) + bytes / PAGE_BYTES > ADDRESS_SPACE_PAGES) {
    throw refused(EINVAL, address, 'it ends beyond 2^64');
  }
}

/** Whether the descriptor that came along, if one did, names this memory. */
function isBehind(
  { peer }: MemoryContext,
  memory: MappedMemory | undefined,
  descriptor: Descriptor | undefined,
): boolean {
  if (descriptor === undefined || memory === undefined) return descriptor === memory;
  return peer.connection.resources?.sameFile(memory, descriptor) ?? false;
}

function requestOf(body: DmaMap): MappingRequest {
  return {
    address: body.address,
    size: Number(body.size),
    readable: (body.flags & DMA_MAP_READ) !== 0,
    writable: (body.flags & DMA_MAP_WRITE) !== 0,
    fileOffset: body.offset,
  };
}

function refused(errno: number, address: Iova, why: string): RequestRefusedError {
  return new RequestRefusedError(errno, `DMA_MAP at ${iovaText(address)}: ${why}`);
}
