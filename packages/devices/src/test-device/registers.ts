import { defineRegisters } from '@vfio-user/core';

/**
 * Control registers of the bench device, in BAR0. 64-bit ones take two accesses, low half first.
 *
 * Commands take the registers' values at the moment they are written and run afterwards; the write
 * itself is answered at once. One DMA operation and one burst run at a time: starting another
 * meanwhile is ignored, cancelling is not.
 */
export const controlRegisters = defineRegisters(
  {
    ID: { offset: 0x000, access: 'ro', reset: 0x434e_4542, meaning: '`BENC`' },
    VERSION: { offset: 0x004, access: 'ro', reset: 1, meaning: '1' },
    VECTORS: { offset: 0x008, access: 'ro', meaning: 'MSI-X vectors' },
    MEMORY_SIZE: { offset: 0x00c, access: 'ro', meaning: 'bytes of device memory (BAR2)' },
    SCRATCH: { offset: 0x010, meaning: 'keeps what is written' },
    SCRATCH_WRITES: { offset: 0x014, access: 'ro', meaning: 'writes to SCRATCH seen, wraps' },
    DOORBELL: { offset: 0x018, access: 'wo', meaning: 'any write signals DOORBELL_VECTOR at once' },
    DOORBELL_VECTOR: { offset: 0x01c },
    DOORBELL_COUNT: { offset: 0x020, access: 'ro', meaning: 'rings seen, wraps' },
    INTERRUPT_STATUS: {
      offset: 0x024,
      access: 'w1c',
      meaning: 'bit v: vector v (v < 32) was signalled; drives INTx',
    },
    RESETS: { offset: 0x028, access: 'ro', meaning: 'resets seen; survives them' },
    LAST_RESET: { offset: 0x02c, access: 'ro', meaning: 'why: a RESET_* number; survives resets' },
    NOTIFY: {
      offset: 0x030,
      access: 'wo',
      meaning: 'a NOTIFY_* number: device error or release request',
    },
    DMA_COMMAND: {
      offset: 0x100,
      access: 'wo',
      meaning: 'a DMA_* number: starts an operation with the values below',
    },
    DMA_STATUS: { offset: 0x104, access: 'ro', meaning: 'STATUS_* bits' },
    DMA_ERROR: {
      offset: 0x108,
      access: 'ro',
      meaning: 'Linux errno of a failed operation, else 0',
    },
    DMA_CHECKSUM: { offset: 0x10c, access: 'ro', meaning: 'result of DMA_CHECKSUM_GUEST' },
    DMA_SOURCE: { offset: 0x110, size: 8, meaning: 'guest address or offset in device memory' },
    DMA_DESTINATION: {
      offset: 0x118,
      size: 8,
      meaning: 'guest address or offset in device memory',
    },
    DMA_LENGTH: { offset: 0x120, size: 8, meaning: 'bytes' },
    DMA_CHUNK: {
      offset: 0x128,
      reset: 2 ** 16,
      meaning: 'bytes a transfer; clamped to 4..1 MiB, rounded down to 4',
    },
    DMA_DEPTH: {
      offset: 0x12c,
      reset: 4,
      meaning: 'transfers under way at once; clamped to 1..64',
    },
    DMA_REPEAT: { offset: 0x130, meaning: 'times the whole operation runs; 0 counts as 1' },
    DMA_PATTERN: { offset: 0x134, meaning: 'what DMA_FILL_GUEST writes' },
    DMA_VECTOR: {
      offset: 0x138,
      reset: 0xffff_ffff,
      meaning: 'signalled at the end, also of a failure; NO_VECTOR: none',
    },
    DMA_OPERATIONS: {
      offset: 0x140,
      size: 8,
      access: 'ro',
      meaning: 'operations done without error',
    },
    DMA_BYTES: { offset: 0x148, size: 8, access: 'ro', meaning: 'bytes transferred' },
    DMA_NANOSECONDS: {
      offset: 0x150,
      size: 8,
      access: 'ro',
      meaning: 'how long the last operation took',
    },
    BURST_COMMAND: { offset: 0x200, access: 'wo', meaning: 'a BURST_* number' },
    BURST_STATUS: { offset: 0x204, access: 'ro', meaning: 'STATUS_* bits' },
    BURST_ERROR: { offset: 0x208, access: 'ro', meaning: 'Linux errno of a failed burst, else 0' },
    BURST_SENT: { offset: 0x20c, access: 'ro', meaning: 'interrupts signalled so far' },
    BURST_ADDRESS: {
      offset: 0x210,
      size: 8,
      meaning: 'guest address of the sequence number, 32 bits',
    },
    BURST_COUNT: { offset: 0x218, meaning: 'interrupts to signal' },
    BURST_VECTOR: { offset: 0x21c },
    BURST_PERIOD: { offset: 0x220, meaning: 'microseconds between two; 0: as fast as possible' },
  },
  { narrowWrites: 'ignored' },
);

/** What some registers take and show. */
const NUMBERS = {
  /** Size of BAR0. */
  CONTROL_BYTES: 0x1000,
  /** `BENC` in memory order. */
  ID_VALUE: 0x434e_4542,

  /** STATUS: under way. */
  STATUS_BUSY: 1 << 0,
  /** STATUS: ended, with or without an error. */
  STATUS_DONE: 1 << 1,
  /** STATUS: ended with an error, see the ERROR register. */
  STATUS_FAILED: 1 << 2,

  /** In a VECTOR register: no interrupt. */
  NO_VECTOR: 0xffff_ffff,

  /** DMA_COMMAND: end the operation under way with ECANCELED. */
  DMA_CANCEL: 0,
  /** DMA_COMMAND: guest memory to guest memory; the ranges must not overlap. */
  DMA_COPY_GUEST: 1,
  /** DMA_COMMAND: guest memory to device memory. */
  DMA_LOAD: 2,
  /** DMA_COMMAND: device memory to guest memory. */
  DMA_STORE: 3,
  /** DMA_COMMAND: DMA_PATTERN to guest memory. */
  DMA_FILL_GUEST: 4,
  /** DMA_COMMAND: CRC-32 (as in zlib) of guest memory. */
  DMA_CHECKSUM_GUEST: 5,

  /** BURST_COMMAND: end the burst under way with ECANCELED. */
  BURST_CANCEL: 0,
  /** BURST_COMMAND: interrupts only. */
  BURST_INTERRUPTS: 1,
  /** BURST_COMMAND: write 1 to BURST_ADDRESS and interrupt, write 2 and interrupt, and so on. */
  BURST_SEQUENCE: 2,

  /** NOTIFY: report an unrecoverable device error. */
  NOTIFY_ERROR: 1,
  /** NOTIFY: ask the client to release the device. */
  NOTIFY_RELEASE: 2,

  /** LAST_RESET. */
  RESET_DEVICE: 1,
  RESET_FUNCTION_LEVEL: 2,
  RESET_POWER: 3,
  RESET_CONNECTION_LOST: 4,
} as const;

/** Offsets of the registers, and the numbers they take and show, for drivers. */
export const benchRegisters = { ...controlRegisters.offsets, ...NUMBERS } as const;
