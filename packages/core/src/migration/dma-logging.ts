import { getIova, type Iova, iovaText } from '../address.js';
import { EINVAL, ENOENT } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import type { DmaSpace } from '../memory/dma-space.js';
import { offsetInPage, pageOf } from '../memory/page.js';
import { checkPageBytes, dirtyBitmapBytes } from './dirty-bitmap.js';

/** "DMA_LOGGING_START": page_size 0:8, num_ranges 8:4, reserved 12:4, then the ranges. */
const START_HEAD_BYTES = 16;
const RANGE_BYTES = 16;

/** "DMA_LOGGING_REPORT": iova 0:8, length 8:8, page_size 16:8, then the bitmap. */
const REPORT_HEAD_BYTES = 24;

/**
 * "DMA_LOGGING_START". All writes are logged per 4096 bytes, whichever ranges and page size the
 * client names.
 */
export function startDmaLogging(dma: DmaSpace, data: Uint8Array): void {
  if (data.length < START_HEAD_BYTES) {
    throw refused(`DMA_LOGGING_START takes ${START_HEAD_BYTES} bytes of data`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  if (data.length < START_HEAD_BYTES + view.getUint32(8, true) * RANGE_BYTES) {
    throw refused('DMA_LOGGING_START says more ranges than it carries');
  }
  const pageBytes = getIova(view, 0);
  checkPageBytes(pageBytes);
  const active = dma.dirtyLog?.pageBytes;
  if (active === undefined) dma.startDirtyLog(Number(pageBytes));
  else if (active !== Number(pageBytes)) {
    throw refused(`DMA logging is on with ${active} bytes a page: stop it to use ${pageBytes}`);
  }
}

/**
 * "DMA_LOGGING_REPORT": the pages that the device wrote since the last report, for any mapped
 * range, which may be a part of a mapping or span several. Memory accessed by messages is reported
 * clean: the client handles those writes itself.
 * @param maxBytes most bytes of the reply's data.
 */
export function reportDirtyPages(
  dma: DmaSpace,
  data: Uint8Array,
  maxBytes: number,
  maxDataXferSize: number,
): Uint8Array {
  if (data.length < REPORT_HEAD_BYTES) {
    throw refused(`DMA_LOGGING_REPORT takes ${REPORT_HEAD_BYTES} bytes of data`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const iova = getIova(view, 0);
  const length = getIova(view, 8);
  const pageBytes = getIova(view, 16);
  if (offsetInPage(iova) !== 0 || offsetInPage(length) !== 0) {
    throw refused(`dirty pages of [${iovaText(iova)}, +${iovaText(length)}): not page-aligned`);
  }
  const size = dirtyBitmapBytes(length, pageBytes);
  if (REPORT_HEAD_BYTES + size > maxBytes || size > maxDataXferSize) {
    throw refused(`a dirty bitmap of ${size} bytes does not fit: ask for less at a time`);
  }
  checkMapped(dma, iova, length);
  if (dma.dirtyLog === undefined) throw refused('DMA logging is off: start it first');
  const reply = new Uint8Array(REPORT_HEAD_BYTES + size);
  reply.set(data.subarray(0, REPORT_HEAD_BYTES));
  dma.dirtyLog.take(
    pageOf(iova),
    pageOf(length),
    Number(pageBytes),
    reply.subarray(REPORT_HEAD_BYTES),
  );
  return reply;
}

function checkMapped(dma: DmaSpace, iova: Iova, length: Iova): void {
  const end = pageOf(iova) + pageOf(length);
  for (let page = pageOf(iova); page < end; ) {
    const mapping = dma.overlapping(page, 1);
    if (mapping === undefined) {
      throw new RequestRefusedError(
        ENOENT,
        `dirty pages of [${iovaText(iova)}, +${iovaText(length)}): not all of it is mapped`,
      );
    }
    page = mapping.firstPage + mapping.pages;
  }
}

function refused(why: string): RequestRefusedError {
  return new RequestRefusedError(EINVAL, why);
}
