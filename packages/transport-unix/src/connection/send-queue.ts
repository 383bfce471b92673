import {
  type FileDescriptor,
  type MessageSocket,
  NativeMemory,
  WOULD_BLOCK,
} from '@vfio-user/posix-ffi';
import { closeAll } from '../descriptors.js';

/** Small messages share a block, so that one system call sends many of them. */
const BLOCK_BYTES = 0x1_0000;

interface Block {
  readonly memory: NativeMemory;
  /** What is left to send is `[start, end)`. */
  start: number;
  end: number;
  /** They leave with the first byte. */
  descriptors: readonly FileDescriptor[];
}

const NONE: readonly FileDescriptor[] = Object.freeze([]);

/** What a full socket did not take, copied. */
export class SendQueue {
  #blocks: Block[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Copies `source` and takes over the descriptors. */
  append(source: Uint8Array, descriptors: readonly FileDescriptor[] = NONE): void {
    if (source.length === 0) return;
    let tail = this.#blocks.at(-1);
    if (
      tail === undefined ||
      descriptors.length > 0 ||
      tail.memory.bytes.length - tail.end < source.length
    ) {
      const memory = new NativeMemory(Math.max(BLOCK_BYTES, source.length));
      tail = { memory, start: 0, end: 0, descriptors };
      this.#blocks.push(tail);
    }
    tail.memory.bytes.set(source, tail.end);
    tail.end += source.length;
    this.#bytes += source.length;
  }

  /** Send as much as the socket takes now. */
  flush(socket: MessageSocket): void {
    for (let block = this.#blocks[0]; block !== undefined; block = this.#blocks[0]) {
      const { address } = block.memory;
      const length = block.end - block.start;
      const count = socket.send(address + block.start, length, 0, 0, block.descriptors);
      if (count === WOULD_BLOCK) return;
      closeAll(block.descriptors);
      block.descriptors = NONE;
      block.start += count;
      this.#bytes -= count;
      if (block.start === block.end) this.#blocks.shift();
    }
  }

  /** Forget everything. */
  clear(): void {
    for (const { descriptors } of this.#blocks) closeAll(descriptors);
    this.#blocks = [];
    this.#bytes = 0;
  }
}
