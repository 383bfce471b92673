import { createRequire } from 'node:module';

/** Length of a masking key, bytes. */
export const MASK_BYTES = 4;

/** Writes `length` masked bytes of `source` to `target`, from `offset` on. */
type Mask = (
  source: Uint8Array,
  key: Uint8Array,
  target: Uint8Array,
  offset: number,
  length: number,
) => void;

/** Up to here a call of native code takes longer. */
const SHORT_BYTES = 48;

const native = nativeMask();
const rotated = new Uint8Array(MASK_BYTES);

/**
 * Mask, or unmask: `target[at + i] = source[i] ^ key[(phase + i) % 4]` (RFC 6455, section 5.3).
 * @param phase number of bytes of the same frame that were masked before.
 */
export function mask(
  source: Uint8Array,
  target: Uint8Array,
  at: number,
  key: Uint8Array,
  phase: number,
): void {
  for (let i = 0; i < MASK_BYTES; i++) rotated[i] = key[(phase + i) % MASK_BYTES] as number;
  const apply = source.length <= SHORT_BYTES ? maskEach : native;
  apply(source, rotated, target, at, source.length);
}

/** The optional package. Without it, masking costs more than anything else of a message. */
function nativeMask(): Mask {
  try {
    const { mask } = createRequire(import.meta.url)('bufferutil') as { mask: Mask };
    return mask;
  } catch {
    return maskEach;
  }
}

function maskEach(
  source: Uint8Array,
  key: Uint8Array,
  target: Uint8Array,
  offset: number,
  length: number,
): void {
  for (let i = 0; i < length; i++) {
    target[offset + i] = (source[i] as number) ^ (key[i % MASK_BYTES] as number);
  }
}
