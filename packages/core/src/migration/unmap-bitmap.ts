import { EINVAL } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { DmaSpace } from '../memory/dma-space.js';
import type { DmaMapping } from '../memory/mapping.js';
import type { DmaUnmap } from '../protocol/messages.js';
import { DMA_UNMAP_BITMAP_BYTES } from '../protocol/struct-sizes.js';
import { dirtyBitmapBytes } from './dirty-bitmap.js';

/**
 * The dirty pages of a mapping that is about to be removed ("DMA_UNMAP": GET_DIRTY_BITMAP), in as
 * many bytes as the client asked for. Call it on a quiesced device, right before the removal: later
 * writes are lost.
 * @throws {RequestRefusedError} EINVAL when the request is inconsistent or nothing is logged.
 */
export function takeUnmapBitmap(
  dma: DmaSpace,
  mapping: DmaMapping,
  body: DmaUnmap,
  maxDataXferSize: number,
): Uint8Array {
  const { argsz, bitmap } = body;
  if (bitmap === undefined) throw refused(mapping, 'the request names no bitmap');
  const needed = dirtyBitmapBytes(mapping.size, bitmap.pgsize);
  const size = Number(bitmap.size);
  if (size < needed) {
    throw refused(mapping, `its bitmap takes ${needed} bytes, the client has room for ${size}`);
  }
  if (argsz < DMA_UNMAP_BITMAP_BYTES + size) {
    throw refused(mapping, `argsz ${argsz} is too small for a bitmap of ${size} bytes`);
  }
  if (size > maxDataXferSize) {
    throw refused(mapping, `a bitmap of ${size} bytes is above max_data_xfer_size`);
  }
  if (dma.dirtyLog === undefined) throw refused(mapping, 'dirty pages are not being logged');
  const bits = new Uint8Array(size);
  dma.dirtyLog.take(mapping.firstPage, mapping.pages, Number(bitmap.pgsize), bits);
  return bits;
}

function refused(mapping: DmaMapping, why: string): RequestRefusedError {
  return new RequestRefusedError(EINVAL, `dirty bitmap of ${mapping}: ${why}`);
}
