/**
 * Bytes of the specification's structures, which `argsz` counts in either encoding. Variable parts
 * come behind a head: entries, areas, data.
 */
export const DMA_MAP_BYTES = 32;
export const DMA_UNMAP_BYTES = 24;
/** With GET_DIRTY_BITMAP, up to the bits. */
export const DMA_UNMAP_BITMAP_BYTES = 40;
export const DEVICE_INFO_BYTES = 16;
export const REGION_INFO_BYTES = 32;
/** Capability header and area count, then one entry an area ("DEVICE_GET_REGION_INFO"). */
export const SPARSE_HEAD_BYTES = 16;
export const SPARSE_AREA_BYTES = 16;
export const REGION_IO_FDS_HEAD_BYTES = 16;
export const REGION_IO_FD_BYTES = 40;
export const IRQ_INFO_BYTES = 16;
export const SET_IRQS_HEAD_BYTES = 20;
export const FEATURE_HEAD_BYTES = 8;
export const MIG_DATA_HEAD_BYTES = 8;
