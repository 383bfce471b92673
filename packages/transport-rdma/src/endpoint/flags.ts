/**
 * What stands in the 32 bits of immediate data that every message carries: bits 0 to 15 are the
 * number of messages its sender has taken in since it last said so.
 */
export const CREDITS = 0xffff;
/** The first message over a queue pair, from either side: it works. */
export const HELLO = 0x4000_0000;
/** The last one. */
export const BYE = 0x2000_0000;

/** Messages without data, of which a peer may send as many as it needs: they do not cost credits. */
export const SPARE_RECEIVES = 8;

/** Ids of posted receives: this plus the number of their slot. Those of sends are below. */
export const RECEIVE_ID = 2 ** 48;
