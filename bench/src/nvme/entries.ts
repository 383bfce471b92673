/** Numbers of NVM Express 1.4 that the driver needs. */

/** 32-bit words of a submission queue entry. */
export const COMMAND_DWORDS = 16;
/** 32-bit words of a completion queue entry. */
export const COMPLETION_DWORDS = 4;
export const PAGE_BYTES = 4096;

/** Controller registers. */
export const REGISTER = { CC: 0x14, CSTS: 0x1c, AQA: 0x24, ASQ: 0x28, ACQ: 0x30 } as const;
/** Doorbell of submission queue q at 2q, of completion queue q at 2q + 1, 4 bytes apart. */
export const DOORBELLS = 0x1000;

/** CC: enabled, entries of 64 and 16 bytes, pages of 4 KiB. */
export const CC_ENABLE = 0x0046_0001;
export const CSTS_READY = 1;

/** Opcodes: admin queue. */
export const CREATE_SUBMISSION_QUEUE = 0x01;
export const CREATE_COMPLETION_QUEUE = 0x05;
/** Opcodes: I/O queue. */
export const WRITE = 0x01;
export const READ = 0x02;

/** Create I/O queue, dword 11: physically contiguous, interrupts enabled. */
export const CONTIGUOUS = 1;
export const INTERRUPTS_ENABLED = 2;
