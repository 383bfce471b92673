/** Controller registers in BAR0 (NVM Express 1.4, 3.1), their fields, and what this controller says in them. */

/** Register offsets, bytes. */
export const REGISTER = {
  CAP: 0x00,
  VS: 0x08,
  INTMS: 0x0c,
  INTMC: 0x10,
  CC: 0x14,
  CSTS: 0x1c,
  AQA: 0x24,
  ASQ: 0x28,
  ACQ: 0x30,
} as const;

/** Doorbells start here: submission queue y tail at 2y, completion queue y head at 2y + 1, 4 bytes apart. */
export const DOORBELLS_OFFSET = 0x1000;
/** Width and stride (CAP.DSTRD is 0) of a doorbell. */
export const DOORBELL_BYTES = 4;
/** Bytes. One page, so that it can be mapped without the registers. */
export const DOORBELLS_SIZE = 0x1000;

/** Bytes of BAR0: a page of registers, one of doorbells, one each for the MSI-X table and pending bits. */
export const BAR_SIZE = 0x4000;
export const MSIX_TABLE_OFFSET = 0x2000;
export const MSIX_PBA_OFFSET = 0x3000;

/** Entries of the largest I/O queue (CAP.MQES + 1). */
export const MAX_QUEUE_ENTRIES = 1024;
/** The smallest memory page is 4 KiB (CAP.MPSMIN = 0). */
export const MIN_PAGE_BYTES = 4096;
/** The largest is 2 ^ (12 + 4) = 64 KiB (CAP.MPSMAX). */
export const MAX_PAGE_SHIFT = 4;

/** Version 1.4.0 (VS). */
export const VERSION = 0x0001_0400;

/** CAP, low half: MQES, contiguous queues required (CQR), ready within TO x 500 ms. */
export const CAP_LOW = ((MAX_QUEUE_ENTRIES - 1) | (1 << 16) | (20 << 24)) >>> 0;
/** CAP, high half: doorbell stride 0, NVM command set (CSS), MPSMIN 0, MPSMAX. */
export const CAP_HIGH = (1 << 5) | (MAX_PAGE_SHIFT << 20);

/** Bits of CSTS. */
export const CSTS_RDY = 1 << 0;
export const CSTS_CFS = 1 << 1;
export const CSTS_SHST_OCCURRING = 1 << 2;
export const CSTS_SHST_COMPLETE = 2 << 2;

const CC_ENABLE = 1 << 0;

/** The writable bits of CC. */
export const CC_MASK = 0x00ff_fff1;

/** Fields of CC ("Controller Configuration"). */
export interface Configuration {
  readonly enabled: boolean;
  readonly commandSet: number;
  /** Memory page size is 2 ^ (12 + this). */
  readonly pageShift: number;
  readonly arbitration: number;
  /** 0: none, 1: normal, 2: abrupt. */
  readonly shutdown: number;
  /** Entry sizes as powers of two. */
  readonly submissionEntryShift: number;
  readonly completionEntryShift: number;
}

export function decodeConfiguration(cc: number): Configuration {
  return {
    enabled: (cc & CC_ENABLE) !== 0,
    commandSet: (cc >>> 4) & 7,
    pageShift: (cc >>> 7) & 15,
    arbitration: (cc >>> 11) & 7,
    shutdown: (cc >>> 14) & 3,
    submissionEntryShift: (cc >>> 16) & 15,
    completionEntryShift: (cc >>> 20) & 15,
  };
}

/** Admin queue sizes in entries, from AQA. */
export function decodeAdminQueueSizes(aqa: number): { submission: number; completion: number } {
  return { submission: (aqa & 0xfff) + 1, completion: ((aqa >>> 16) & 0xfff) + 1 };
}
