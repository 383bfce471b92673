import { libc } from './libc.js';

const HIGH = 0x1_0000_0000;

/**
 * The address of a view's first byte, 0 for an empty one. Off-heap memory never moves: the address
 * holds as long as the view's buffer is referenced and not transferred.
 */
export function addressOf(view: ArrayBufferView): number {
  return view.byteLength === 0 ? 0 : Number(libc().koffi.address(view));
}

/** Memory with a known address, for structures that system calls read and write. */
export class NativeMemory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly address: number;

  constructor(length: number) {
    this.bytes = new Uint8Array(new ArrayBuffer(length));
    this.view = new DataView(this.bytes.buffer);
    this.address = addressOf(this.bytes);
  }

  /** Store a pointer or `size_t` without a BigInt. */
  setWord(offset: number, value: number): void {
    this.view.setUint32(offset, value % HIGH, true);
    this.view.setUint32(offset + 4, Math.floor(value / HIGH), true);
  }
}
