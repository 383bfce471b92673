import { type Iova, iovaText } from '../../address.js';
import { DmaMapping } from '../../dma/mapping.js';
import { ADDRESS_SPACE_PAGES, offsetInPage, PAGE_BYTES, pageOf } from '../../dma/page.js';
import { EEXIST, EINVAL, ENOSPC } from '../../errno.js';
import { RequestRefusedError } from '../../errors.js';
import {
  DMA_MAP_FILE_IO,
  DMA_MAP_MMAP,
  DMA_MAP_READ,
  DMA_MAP_WRITE,
} from '../../protocol/constants.js';
import type { DmaMap } from '../../protocol/messages.js';
import type { Received } from '../../session/request-table.js';
import type { ExposedRange } from '../../transport/one-sided.js';
import type { MappedMemory } from '../../transport/resources.js';
import { whenQuiesced } from '../when-quiesced.js';
import type { MemoryContext } from './context.js';

const KNOWN_FLAGS = DMA_MAP_READ | DMA_MAP_WRITE | DMA_MAP_MMAP | DMA_MAP_FILE_IO;

/** "DMA_MAP". Identical to an existing mapping is fine; any other overlap is EEXIST. */
export function handleDmaMap(
  context: MemoryContext,
  body: DmaMap,
  received: Received,
): void | Promise<void> {
  check(context, body, received.length);
  return whenQuiesced(context, () => {
    const { dma } = context.device;
    const existing = dma.overlapping(pageOf(body.address), Number(body.size) / PAGE_BYTES);
    if (existing === undefined) {
      const memory = mapMemory(context, body, received);
      dma.add(toMapping(body, memory, exposedRanges(context, body)));
    } else if (!isSame(context, existing, body, received)) {
      throw refused(EEXIST, body.address, `overlaps ${existing}`);
    }
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

function check(context: MemoryContext, body: DmaMap, descriptors: number): void {
  const { address, flags, size } = body;
  const { limits, device } = context;
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
  if (device.dma.mappingCount >= limits.maxDmaMaps) {
    throw refused(
      EINVAL,
      address,
      `${limits.maxDmaMaps} mappings exist already, that is the limit`,
    );
  }
}

function isSame(
  context: MemoryContext,
  existing: DmaMapping,
  body: DmaMap,
  received: Received,
): boolean {
  const asked = toMapping(body, existing.memory);
  const sameRange =
    existing.address === asked.address &&
    existing.size === asked.size &&
    existing.readable === asked.readable &&
    existing.writable === asked.writable &&
    existing.fileOffset === asked.fileOffset;
  if (!sameRange) return false;
  const [descriptor] = received;
  if (descriptor === undefined || existing.memory === undefined) {
    return descriptor === undefined && existing.memory === undefined;
  }
  return context.peer.connection.resources?.sameFile(existing.memory, descriptor) ?? false;
}

function toMapping(
  body: DmaMap,
  memory: MappedMemory | undefined,
  exposed?: readonly ExposedRange[],
): DmaMapping {
  return new DmaMapping({
    address: body.address,
    size: Number(body.size),
    readable: (body.flags & DMA_MAP_READ) !== 0,
    writable: (body.flags & DMA_MAP_WRITE) !== 0,
    fileOffset: body.offset,
    memory,
    exposed,
  });
}

function refused(errno: number, address: Iova, why: string): RequestRefusedError {
  return new RequestRefusedError(errno, `DMA_MAP at ${iovaText(address)}: ${why}`);
}
