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
export const IDENTIFY = 0x06;
/** Opcodes: I/O queue. */
export const WRITE = 0x01;
export const READ = 0x02;

/** Create I/O queue, dword 11: physically contiguous, interrupts enabled. */
export const CONTIGUOUS = 1;
export const INTERRUPTS_ENABLED = 2;

/** Identify, dword 10 (CNS): a namespace. */
export const IDENTIFY_NAMESPACE = 0;
/** Identify namespace: its size in blocks, 64 bits. */
export const NAMESPACE_SIZE = 0;
/** Identify namespace: which of the formats is in use, in the lower four bits. */
export const FORMATTED_SIZE = 26;
/** Identify namespace: the formats, 4 bytes each; the third byte is the power of two of a block. */
export const FORMATS = 128;
