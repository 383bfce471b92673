import { invalid } from '../errors.js';
import { platform } from '../native/platform.js';

/**
 * Address of the first byte of a view, valid as long as the view's buffer is referenced and not
 * transferred.
 */
export function addressOf(bytes: Uint8Array): number {
  return Number(platform().koffi.address(bytes));
}

/** Number of memory regions by buffer. */
const pins = new WeakMap<ArrayBufferLike, number>();

/** A memory region of this buffer was registered. */
export function pin(buffer: ArrayBufferLike): void {
  pins.set(buffer, (pins.get(buffer) ?? 0) + 1);
}

/** A memory region of this buffer was deregistered. */
export function unpin(buffer: ArrayBufferLike): void {
  pins.set(buffer, (pins.get(buffer) ?? 0) - 1);
}

/** Whether an adapter may still write to this buffer. */
export function isPinned(buffer: ArrayBufferLike): boolean {
  return (pins.get(buffer) ?? 0) > 0;
}

/** Zeroed, page-aligned memory to be registered. */
export class NativeBuffer {
  readonly address: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(length: number) {
    if (!Number.isSafeInteger(length) || length < 1) {
      throw invalid(`a buffer of ${length} bytes: give a positive whole number`);
    }
    const { pageBytes } = platform();
    // Whole pages: registered memory shares no page with other data.
    const buffer = new ArrayBuffer((Math.ceil(length / pageBytes) + 1) * pageBytes);
    const start = addressOf(new Uint8Array(buffer));
    const offset = (pageBytes - (start % pageBytes)) % pageBytes;
    this.address = start + offset;
    this.length = length;
    this.bytes = new Uint8Array(buffer, offset, length);
    this.view = new DataView(buffer, offset, length);
  }

  /**
   * Releases the memory now instead of at the next garbage collection: {@link bytes} becomes empty,
   * {@link address} must not be used any more. Idempotent.
   * @throws {RdmaError} RDMA_INVALID while a memory region of `bytes` is registered.
   */
  release(): void {
    const { buffer } = this.bytes;
    if (buffer.byteLength === 0) return;
    if (isPinned(buffer))
      throw invalid('the buffer is registered: close its memory region before release()');
    structuredClone(buffer, { transfer: [buffer as ArrayBuffer] });
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
