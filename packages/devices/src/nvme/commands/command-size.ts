/** Dwords of a submission queue entry. */
export const COMMAND_DWORDS = 16;
/** Bytes of a submission queue entry. */
export const COMMAND_BYTES = 64;
