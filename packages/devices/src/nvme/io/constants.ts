/** NVM command set opcodes (NVM Express 1.4, figure 346). */
export const IO_OPCODE = {
  FLUSH: 0x00,
  WRITE: 0x01,
  READ: 0x02,
  COMPARE: 0x05,
  WRITE_ZEROES: 0x08,
  DATASET_MANAGEMENT: 0x09,
} as const;

/** The longest data transfer of one command is 2 ^ this pages of 4 KiB: 512 KiB (MDTS). */
export const MAX_TRANSFER_SHIFT = 7;
export const MAX_TRANSFER_BYTES = 4096 << MAX_TRANSFER_SHIFT;
