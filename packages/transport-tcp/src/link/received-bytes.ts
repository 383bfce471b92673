import type { Duplex } from 'node:stream';
import type { ReceiveBuffer } from '@vfio-user/core/transport';

/** Received with one system call, at most. It stays in the cache until it is taken apart. */
const CAPACITY_BYTES = 0x2_0000;

/** What was received and not yet taken apart: `[start, end)` of the bytes. */
export class ReceivedBytes implements ReceiveBuffer {
  readonly bytes: Uint8Array;
  start = 0;
  end: number;

  /** @param first what was received already. */
  constructor(first: Uint8Array) {
    this.bytes = new Uint8Array(Math.max(CAPACITY_BYTES, 2 * first.length));
    this.bytes.set(first);
    this.end = first.length;
  }

  get space(): number {
    return this.bytes.length - this.end;
  }

  get pendingBytes(): number {
    return this.end - this.start;
  }

  /** What is left is the beginning of a header, or of a short frame: there is little to move. */
  reserve(): void {
    this.bytes.copyWithin(0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
  }

  commit(count: number): void {
    this.end += count;
  }
}

/** What `stream` has received behind the handshake: `head`, and what Node has read since. */
export function receivedBehind(stream: Duplex, head: Uint8Array): Uint8Array {
  const rest: Uint8Array | null = stream.read();
  return rest === null ? head : Buffer.concat([head, rest]);
}
