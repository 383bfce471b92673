import { mask } from './masking.js';

/** Masked bytes that may be under way when more are masked. */
export const AHEAD_BYTES = 0x4_0000;
/** Largest piece. */
export const PIECE_BYTES = 0x1_0000;
/** Those under way, the next piece, and what two pieces leave at the end and do not fill. */
const RING_BYTES = AHEAD_BYTES + 4 * PIECE_BYTES;

/** Memory for masked bytes, used again and again: they are sent in the order in which they are masked. */
export class MaskRing {
  readonly #bytes = new Uint8Array(RING_BYTES);
  #end = 0;

  /**
   * Mask a piece. At most {@link AHEAD_BYTES} before it may still be under way.
   * @param phase number of bytes of the same frame that were masked before.
   * @param idle nothing is under way.
   */
  mask(piece: Uint8Array, key: Uint8Array, phase: number, idle: boolean): Uint8Array {
    if (idle || this.#end + piece.length > RING_BYTES) this.#end = 0;
    const start = this.#end;
    this.#end += piece.length;
    mask(piece, this.#bytes, start, key, phase);
    return this.#bytes.subarray(start, this.#end);
  }
}
