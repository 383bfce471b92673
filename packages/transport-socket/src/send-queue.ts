import { closeAll, NO_DESCRIPTORS } from '@vfio-user/core/internal';
import {
  addressOf,
  type FileDescriptor,
  type MessageSocket,
  NativeMemory,
  WOULD_BLOCK,
} from '@vfio-user/posix-ffi';

/** Small messages share a block, so that one system call sends many of them. */
const BLOCK_BYTES = 0x1_0000;
/** Data up to this size is copied, larger data stays where it is. */
const COPY_BYTES = 4096;

interface Block {
  /** The memory, referenced to keep it alive. */
  readonly bytes: Uint8Array;
  readonly address: number;
  /** `[start, end)` is left to send. */
  start: number;
  end: number;
  /** How far `end` may grow; not at all in memory that is borrowed. */
  readonly capacity: number;
  /** Descriptors to send with the first byte. */
  descriptors: readonly FileDescriptor[];
}

/** Data that a full socket did not accept. */
export class SocketSendQueue {
  #blocks: Block[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Append a copy of `source`, and take over the descriptors. */
  append(source: Uint8Array, descriptors: readonly FileDescriptor[] = NO_DESCRIPTORS): void {
    if (source.length === 0) return;
    let tail = this.#blocks.at(-1);
    if (tail === undefined || descriptors.length > 0 || tail.capacity - tail.end < source.length) {
      const capacity = Math.max(BLOCK_BYTES, source.length);
      const { bytes, address } = new NativeMemory(capacity);
      tail = { bytes, address, start: 0, end: 0, capacity, descriptors };
      this.#blocks.push(tail);
    }
    tail.bytes.set(source, tail.end);
    tail.end += source.length;
    this.#bytes += source.length;
  }

  /** Like {@link append}, but large data is borrowed: it must not change before it is sent. */
  borrow(source: Uint8Array): void {
    const { length } = source;
    if (length <= COPY_BYTES) {
      this.append(source);
      return;
    }
    const address = addressOf(source);
    this.#blocks.push({
      bytes: source,
      address,
      start: 0,
      end: length,
      capacity: length,
      descriptors: NO_DESCRIPTORS,
    });
    this.#bytes += length;
  }

  /** Send as much as the socket accepts now. */
  flush(socket: MessageSocket): void {
    for (let block = this.#blocks[0]; block !== undefined; block = this.#blocks[0]) {
      const length = block.end - block.start;
      const count = socket.send(block.address + block.start, length, 0, 0, block.descriptors);
      if (count === WOULD_BLOCK) return;
      closeAll(block.descriptors);
      block.descriptors = NO_DESCRIPTORS;
      block.start += count;
      this.#bytes -= count;
      if (block.start === block.end) this.#blocks.shift();
    }
  }

  /** Drop everything. */
  clear(): void {
    for (const { descriptors } of this.#blocks) closeAll(descriptors);
    this.#blocks = [];
    this.#bytes = 0;
  }
}
