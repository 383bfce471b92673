/**
 * Control registers of the bench device, in BAR0. All are 32 bits wide and little-endian; 64-bit
 * ones take two, low half first. Narrower reads see their part; narrower writes are ignored.
 * Registers not named here read as zero.
 *
 * Access: RO read only, WO write only (reads zero), RW both, W1C write ones to clear.
 *
 * | offset | name              |     | meaning                                                    |
 * | ------ | ----------------- | --- | ---------------------------------------------------------- |
 * | 0x000  | ID                | RO  | `BENC`                                                     |
 * | 0x004  | VERSION           | RO  | 1                                                          |
 * | 0x008  | VECTORS           | RO  | MSI-X vectors                                              |
 * | 0x00c  | MEMORY_SIZE       | RO  | bytes of device memory (BAR2)                              |
 * | 0x010  | SCRATCH           | RW  | keeps what is written                                      |
 * | 0x014  | SCRATCH_WRITES    | RO  | writes to SCRATCH seen, wraps                              |
 * | 0x018  | DOORBELL          | WO  | any write signals DOORBELL_VECTOR at once                  |
 * | 0x01c  | DOORBELL_VECTOR   | RW  |                                                            |
 * | 0x020  | DOORBELL_COUNT    | RO  | rings seen, wraps                                          |
 * | 0x024  | INTERRUPT_STATUS  | W1C | bit v: vector v (v < 32) was signalled; drives INTx        |
 * | 0x028  | RESETS            | RO  | resets seen; survives them                                 |
 * | 0x02c  | LAST_RESET        | RO  | why: a RESET_* number; survives resets                     |
 * | 0x030  | NOTIFY            | WO  | a NOTIFY_* number: device error or release request         |
 * | 0x100  | DMA_COMMAND       | WO  | a DMA_* number: starts an operation with the values below  |
 * | 0x104  | DMA_STATUS        | RO  | STATUS_* bits                                              |
 * | 0x108  | DMA_ERROR         | RO  | Linux errno of a failed operation, else 0                  |
 * | 0x10c  | DMA_CHECKSUM      | RO  | result of DMA_CHECKSUM_GUEST                               |
 * | 0x110  | DMA_SOURCE        | RW  | 64 bits: guest address or offset in device memory          |
 * | 0x118  | DMA_DESTINATION   | RW  | 64 bits: guest address or offset in device memory          |
 * | 0x120  | DMA_LENGTH        | RW  | 64 bits: bytes                                             |
 * | 0x128  | DMA_CHUNK         | RW  | bytes a transfer; clamped to 4..1 MiB, rounded down to 4   |
 * | 0x12c  | DMA_DEPTH         | RW  | transfers under way at once; clamped to 1..64              |
 * | 0x130  | DMA_REPEAT        | RW  | times the whole operation runs; 0 counts as 1              |
 * | 0x134  | DMA_PATTERN       | RW  | what DMA_FILL_GUEST writes                                 |
 * | 0x138  | DMA_VECTOR        | RW  | signalled at the end, also of a failure; NO_VECTOR: none   |
 * | 0x140  | DMA_OPERATIONS    | RO  | 64 bits: operations done without error                     |
 * | 0x148  | DMA_BYTES         | RO  | 64 bits: bytes transferred                                 |
 * | 0x150  | DMA_NANOSECONDS   | RO  | 64 bits: how long the last operation took                  |
 * | 0x200  | BURST_COMMAND     | WO  | a BURST_* number                                           |
 * | 0x204  | BURST_STATUS      | RO  | STATUS_* bits                                              |
 * | 0x208  | BURST_ERROR       | RO  | Linux errno of a failed burst, else 0                      |
 * | 0x20c  | BURST_SENT        | RO  | interrupts signalled so far                                |
 * | 0x210  | BURST_ADDRESS     | RW  | 64 bits: guest address of the sequence number, 32 bits     |
 * | 0x218  | BURST_COUNT       | RW  | interrupts to signal                                       |
 * | 0x21c  | BURST_VECTOR      | RW  |                                                            |
 * | 0x220  | BURST_PERIOD      | RW  | microseconds between two; 0: as fast as possible           |
 *
 * Commands take the registers' values at the moment they are written and run afterwards; the write
 * itself is answered at once. One DMA operation and one burst run at a time: starting another
 * meanwhile is ignored, cancelling is not.
 */
export const ID = 0x000;
export const VERSION = 0x004;
export const VECTORS = 0x008;
export const MEMORY_SIZE = 0x00c;
export const SCRATCH = 0x010;
export const SCRATCH_WRITES = 0x014;
export const DOORBELL = 0x018;
export const DOORBELL_VECTOR = 0x01c;
export const DOORBELL_COUNT = 0x020;
export const INTERRUPT_STATUS = 0x024;
export const RESETS = 0x028;
export const LAST_RESET = 0x02c;
export const NOTIFY = 0x030;

export const DMA_COMMAND = 0x100;
export const DMA_STATUS = 0x104;
export const DMA_ERROR = 0x108;
export const DMA_CHECKSUM = 0x10c;
export const DMA_SOURCE = 0x110;
export const DMA_DESTINATION = 0x118;
export const DMA_LENGTH = 0x120;
export const DMA_CHUNK = 0x128;
export const DMA_DEPTH = 0x12c;
export const DMA_REPEAT = 0x130;
export const DMA_PATTERN = 0x134;
export const DMA_VECTOR = 0x138;
export const DMA_OPERATIONS = 0x140;
export const DMA_BYTES = 0x148;
export const DMA_NANOSECONDS = 0x150;

export const BURST_COMMAND = 0x200;
export const BURST_STATUS = 0x204;
export const BURST_ERROR = 0x208;
export const BURST_SENT = 0x20c;
export const BURST_ADDRESS = 0x210;
export const BURST_COUNT = 0x218;
export const BURST_VECTOR = 0x21c;
export const BURST_PERIOD = 0x220;

/** Size of BAR0. */
export const CONTROL_BYTES = 0x1000;

/** `BENC` in memory order. */
export const ID_VALUE = 0x434e_4542;
export const VERSION_VALUE = 1;

/** STATUS: under way. */
export const STATUS_BUSY = 1 << 0;
/** STATUS: ended, with or without an error. */
export const STATUS_DONE = 1 << 1;
/** STATUS: ended with an error, see the ERROR register. */
export const STATUS_FAILED = 1 << 2;

/** In a VECTOR register: no interrupt. */
export const NO_VECTOR = 0xffff_ffff;

/** DMA_COMMAND: end the operation under way with ECANCELED. */
export const DMA_CANCEL = 0;
/** DMA_COMMAND: guest memory to guest memory; the ranges must not overlap. */
export const DMA_COPY_GUEST = 1;
/** DMA_COMMAND: guest memory to device memory. */
export const DMA_LOAD = 2;
/** DMA_COMMAND: device memory to guest memory. */
export const DMA_STORE = 3;
/** DMA_COMMAND: DMA_PATTERN to guest memory. */
export const DMA_FILL_GUEST = 4;
/** DMA_COMMAND: CRC-32 (as in zlib) of guest memory. */
export const DMA_CHECKSUM_GUEST = 5;

/** BURST_COMMAND: end the burst under way with ECANCELED. */
export const BURST_CANCEL = 0;
/** BURST_COMMAND: interrupts only. */
export const BURST_INTERRUPTS = 1;
/** BURST_COMMAND: write 1 to BURST_ADDRESS and interrupt, write 2 and interrupt, and so on. */
export const BURST_SEQUENCE = 2;

/** NOTIFY: report an unrecoverable device error. */
export const NOTIFY_ERROR = 1;
/** NOTIFY: ask the client to release the device. */
export const NOTIFY_RELEASE = 2;

/** LAST_RESET. */
export const RESET_DEVICE = 1;
export const RESET_FUNCTION_LEVEL = 2;
export const RESET_POWER = 3;
export const RESET_CONNECTION_LOST = 4;
