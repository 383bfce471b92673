import { markAsUntransferable } from 'node:worker_threads';
import type { Frame, Framing } from '@vfio-user/core';
import { FrameAssembler, type FrameAssemblerLimits } from '@vfio-user/core/internal';
import { addressOf, type MessageSocket, WOULD_BLOCK } from '@vfio-user/posix-ffi';
import { errorCode } from '../system-failure.js';

/** What a {@link Receiver.receive} found. */
export type Received = 'bytes' | 'nothing' | 'end';

/** The receiving half: the kernel writes straight into the assembler's buffer. */
export class Receiver {
  readonly #socket: MessageSocket;
  readonly #assembler: FrameAssembler;
  #bytes: Uint8Array | undefined;
  #address = 0;

  constructor(socket: MessageSocket, framing: Framing, limits: FrameAssemblerLimits) {
    this.#socket = socket;
    this.#assembler = new FrameAssembler(framing, limits);
  }

  /** Bytes of messages that were not handed out yet. */
  get pendingBytes(): number {
    return this.#assembler.pendingBytes;
  }

  /** One system call, once {@link next} has nothing more. Never waits. */
  receive(): Received {
    const assembler = this.#assembler;
    assembler.reserve();
    if (assembler.bytes !== this.#bytes) this.#locate(assembler.bytes);
    let count: number;
    try {
      count = this.#socket.receive(this.#address + assembler.end, assembler.space);
    } catch (error) {
      // A UNIX peer that closes before it read everything: its own messages have all arrived.
      if (errorCode(error) !== 'ECONNRESET') throw error;
      count = 0;
    }
    if (count === WOULD_BLOCK) return 'nothing';
    if (count === 0) {
      assembler.finish();
      return 'end';
    }
    assembler.commit(count, this.#socket.takeDescriptors());
    return 'bytes';
  }

  /** The next whole message. */
  next(): Frame | undefined {
    return this.#assembler.next();
  }

  /** Close the descriptors nobody got. */
  release(): void {
    this.#assembler.release();
  }

  #locate(bytes: Uint8Array): void {
    // A handler that transferred it to a worker would leave the kernel writing into freed memory.
    markAsUntransferable(bytes.buffer);
    this.#bytes = bytes;
    this.#address = addressOf(bytes);
  }
}
