import { defineRegisters } from '@vfio-user/core';

/** Controller registers in BAR0 (NVM Express 1.4, 3.1), their fields, and what this controller says in them. */

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

/** Bits of addresses of pages, with the smallest page. */
const PAGE_ALIGNED = 0xffff_ffff_ffff_f000n;

/** CAP, low half: MQES, contiguous queues required (CQR), ready within TO x 500 ms. */
const CAP_LOW = ((MAX_QUEUE_ENTRIES - 1) | (1 << 16) | (20 << 24)) >>> 0;
/** CAP, high half: doorbell stride 0, NVM command set (CSS), MPSMIN 0, MPSMAX. */
const CAP_HIGH = (1 << 5) | (MAX_PAGE_SHIFT << 20);

/** CAP, both halves. */
const CAPABILITIES = (BigInt(CAP_HIGH) << 32n) | BigInt(CAP_LOW);

const DOORBELLS = { count: DOORBELLS_SIZE / DOORBELL_BYTES / 2, stride: 2 * DOORBELL_BYTES };

/** The writable bits of CC. */
const CC_MASK = 0x00ff_fff1;

/** BAR0. Registers are written in whole dwords (NVM Express 1.4, 3.1); anything else is ignored. */
export const controllerRegisters = defineRegisters(
  {
    CAP: { offset: 0x00, size: 8, access: 'ro', reset: CAPABILITIES, meaning: 'capabilities' },
    VS: { offset: 0x08, access: 'ro', reset: VERSION, meaning: 'version' },
    INTMS: { offset: 0x0c, meaning: 'interrupt mask set' },
    INTMC: { offset: 0x10, meaning: 'interrupt mask clear' },
    CC: { offset: 0x14, mask: CC_MASK, meaning: 'controller configuration' },
    CSTS: { offset: 0x1c, access: 'ro', meaning: 'controller status' },
    NSSR: { offset: 0x20, absent: true },
    AQA: { offset: 0x24, mask: 0x0fff_0fff, meaning: 'admin queue attributes' },
    ASQ: { offset: 0x28, size: 8, mask: PAGE_ALIGNED, meaning: 'admin submission queue base' },
    ACQ: { offset: 0x30, size: 8, mask: PAGE_ALIGNED, meaning: 'admin completion queue base' },
    CMBLOC: { offset: 0x38, absent: true },
    CMBSZ: { offset: 0x3c, absent: true },
    BPINFO: { offset: 0x40, absent: true },
    BPRSEL: { offset: 0x44, absent: true },
    BPMBL: { offset: 0x48, size: 8, absent: true },
    CMBMSC: { offset: 0x50, size: 8, absent: true },
    'SQ{}TDBL': {
      offset: DOORBELLS_OFFSET,
      repeat: DOORBELLS,
      meaning: 'submission queue tail doorbell',
    },
    'CQ{}HDBL': {
      offset: DOORBELLS_OFFSET + DOORBELL_BYTES,
      repeat: DOORBELLS,
      meaning: 'completion queue head doorbell',
    },
  },
  { narrowWrites: 'ignored' },
);

/** Register offsets, bytes. */
export const REGISTER = controllerRegisters.offsets;

/** Bits of CSTS. */
export const CSTS_RDY = 1 << 0;
export const CSTS_CFS = 1 << 1;
export const CSTS_SHST_OCCURRING = 1 << 2;
export const CSTS_SHST_COMPLETE = 2 << 2;

const CC_EN = 1 << 0;

/** Fields of CC ("Controller Configuration"). */
export interface Configuration {
  readonly en: boolean;
  /** The command set. */
  readonly css: number;
  /** The memory page size is 2 ^ (12 + this). */
  readonly mps: number;
  /** The arbitration mechanism. */
  readonly ams: number;
  /** Shutdown notification: 0 none, 1 normal, 2 abrupt. */
  readonly shn: number;
  /** Sizes of entries of I/O queues, as powers of two. */
  readonly iosqes: number;
  readonly iocqes: number;
}

export function decodeConfiguration(cc: number): Configuration {
  return {
    en: (cc & CC_EN) !== 0,
    css: (cc >>> 4) & 7,
    mps: (cc >>> 7) & 15,
    ams: (cc >>> 11) & 7,
    shn: (cc >>> 14) & 3,
    iosqes: (cc >>> 16) & 15,
    iocqes: (cc >>> 20) & 15,
  };
}

/** Admin queue sizes in entries, from AQA. */
export function decodeAdminQueueSizes(aqa: number): { submission: number; completion: number } {
  return { submission: (aqa & 0xfff) + 1, completion: ((aqa >>> 16) & 0xfff) + 1 };
}
