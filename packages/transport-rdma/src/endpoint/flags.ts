/**
 * The immediate data of every message: bits 0 to 15 are the number of messages that its sender has
 * received since the last one.
 */
export const CREDITS = 0xffff;
/** Flag of the first message over a queue pair, from either side. */
export const HELLO = 0x4000_0000;
/** Flag of the last message. */
export const BYE = 0x2000_0000;

/** Messages without data, of which a peer may send as many as it needs: they do not cost credits. */
export const SPARE_RECEIVES = 8;

/** Ids of posted receives: this plus the number of their slot. Those of sends are below. */
export const RECEIVE_ID = 2 ** 48;
