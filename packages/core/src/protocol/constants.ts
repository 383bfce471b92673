/**
 * Numbers of the vfio-user specification (QEMU docs/interop/vfio-user.rst) and of the VFIO UAPI it
 * builds on. Names are the specification's.
 */

/** "Header": flags. Bits 0 to 3 are the message type. */
export const HEADER_BYTES = 16;
export const HEADER_TYPE_MASK = 0xf;
export const HEADER_TYPE_COMMAND = 0;
export const HEADER_TYPE_REPLY = 1;
export const HEADER_FLAG_NO_REPLY = 1 << 4;
export const HEADER_FLAG_ERROR = 1 << 5;

/** "VERSION": the version implemented here, and the defaults of the capabilities. */
export const VERSION_MAJOR = 0;
export const VERSION_MINOR = 2;
export const DEFAULT_MAX_MSG_FDS = 1;
export const DEFAULT_MAX_DATA_XFER_SIZE = 1_048_576;
export const DEFAULT_MAX_DMA_MAPS = 65_535;
export const DEFAULT_PGSIZES = 4096;

/** "DMA_MAP": flags. */
export const DMA_MAP_READ = 1 << 0;
export const DMA_MAP_WRITE = 1 << 1;
export const DMA_MAP_MMAP = 1 << 2;
export const DMA_MAP_FILE_IO = 1 << 3;

/** "DMA_UNMAP": flags. */
export const DMA_UNMAP_GET_DIRTY_BITMAP = 1 << 0;
export const DMA_UNMAP_ALL = 1 << 1;

/** "DEVICE_GET_INFO": flags (VFIO_DEVICE_FLAGS_*). */
export const DEVICE_FLAG_RESET = 1 << 0;
export const DEVICE_FLAG_PCI = 1 << 1;

/** "DEVICE_GET_REGION_INFO": flags (VFIO_REGION_INFO_FLAG_*) and capabilities. */
export const REGION_FLAG_READ = 1 << 0;
export const REGION_FLAG_WRITE = 1 << 1;
export const REGION_FLAG_MMAP = 1 << 2;
export const REGION_FLAG_CAPS = 1 << 3;
export const REGION_CAP_SPARSE_MMAP = 1;

/** Number of regions of a PCI device. */
export const NUM_REGIONS = 9;

/** "DEVICE_GET_IRQ_INFO": flags (VFIO_IRQ_INFO_*). */
export const IRQ_FLAG_EVENTFD = 1 << 0;
export const IRQ_FLAG_MASKABLE = 1 << 1;
export const IRQ_FLAG_AUTOMASKED = 1 << 2;
export const IRQ_FLAG_NORESIZE = 1 << 3;

/** Number of interrupt indexes of a PCI device. */
export const NUM_IRQS = 5;

/** "DEVICE_SET_IRQS": flags (VFIO_IRQ_SET_*). */
export const IRQ_SET_DATA_NONE = 1 << 0;
export const IRQ_SET_DATA_BOOL = 1 << 1;
export const IRQ_SET_DATA_EVENTFD = 1 << 2;
export const IRQ_SET_ACTION_MASK = 1 << 3;
export const IRQ_SET_ACTION_UNMASK = 1 << 4;
export const IRQ_SET_ACTION_TRIGGER = 1 << 5;

/** "DEVICE_GET_REGION_IO_FDS": entry types. */
export const IO_FD_TYPE_IOEVENTFD = 0;
export const IO_FD_TYPE_IOREGIONFD = 1;
export const IO_FD_TYPE_SHADOW_IOEVENTFD = 2;

/** "DEVICE_FEATURE": low 16 bits of flags are the feature, then the operations. */
export const FEATURE_MASK = 0xffff;
export const FEATURE_GET = 1 << 16;
export const FEATURE_SET = 1 << 17;
export const FEATURE_PROBE = 1 << 18;

/** VFIO_MIGRATION_* flags of the MIGRATION feature. */
export const MIGRATION_STOP_COPY = 1 << 0;
export const MIGRATION_P2P = 1 << 1;
export const MIGRATION_PRE_COPY = 1 << 2;
