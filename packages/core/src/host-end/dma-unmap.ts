import { iovaText } from '../address.js';
import { EINVAL, ENOENT } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { DmaMapping } from '../memory/mapping.js';
import { takeUnmapBitmap } from '../migration/unmap-bitmap.js';
import { DMA_UNMAP_ALL, DMA_UNMAP_GET_DIRTY_BITMAP } from '../protocol/constants.js';
import type { DmaUnmap, DmaUnmapReply } from '../protocol/messages.js';
import type { MemoryContext } from './context.js';
import { whenQuiesced } from './when-quiesced.js';

const KNOWN_FLAGS = DMA_UNMAP_ALL | DMA_UNMAP_GET_DIRTY_BITMAP;

/**
 * "DMA_UNMAP": an exact range, or with ALL everything. When the reply leaves, nothing of this
 * process touches the memory any more and transfers that were under way have failed.
 */
export function handleDmaUnmap(
  context: MemoryContext,
  body: DmaUnmap,
): DmaUnmapReply | Promise<DmaUnmapReply> {
  check(context, body);
  return whenQuiesced(context, () => {
    const { dma } = context.device;
    const echo = { argsz: body.argsz, flags: body.flags, address: body.address, size: body.size };
    if ((body.flags & DMA_UNMAP_ALL) !== 0) return after(dma.removeAll(), echo);
    const mapping = find(context, body);
    if ((body.flags & DMA_UNMAP_GET_DIRTY_BITMAP) === 0) return after(dma.remove(mapping), echo);
    const bits = takeUnmapBitmap(dma, mapping, body, context.client.maxDataXferSize);
    return after(dma.remove(mapping), { ...echo, bitmap: body.bitmap, bits });
  });
}

/** The answer, once transfers that cannot be called back have ended. */
function after<T>(ended: Promise<void> | undefined, answer: T): T | Promise<T> {
  return ended === undefined ? answer : ended.then(() => answer);
}

function check(context: MemoryContext, body: DmaUnmap): void {
  const { argsz, flags } = body;
  if ((flags & ~KNOWN_FLAGS) !== 0) throw refused(body, `unknown flags 0x${flags.toString(16)}`);
  if (argsz > context.limits.maxDataXferSize) throw refused(body, `argsz ${argsz} above the limit`);
  if ((flags & DMA_UNMAP_ALL) === 0) return;
  if (flags !== DMA_UNMAP_ALL) throw refused(body, 'ALL goes with no other flag');
  if (body.address !== 0 || body.size !== 0)
    throw refused(body, 'ALL goes with address and size 0');
}

function find(context: MemoryContext, body: DmaUnmap): DmaMapping {
  const mapping = context.device.dma.exact(body.address, Number(body.size));
  if (mapping === undefined) throw refused(body, 'no mapping of exactly this range', ENOENT);
  return mapping;
}

function refused(body: DmaUnmap, why: string, errno = EINVAL): RequestRefusedError {
  const range = `${iovaText(body.address)}, +${iovaText(body.size)}`;
  return new RequestRefusedError(errno, `DMA_UNMAP of [${range}): ${why}`);
}
