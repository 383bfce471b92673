import { markAsUntransferable } from 'node:worker_threads';
import type { Frame, Framing, Handshake } from '@vfio-user/core';
import { errorCode, FrameAssembler, type FrameAssemblerLimits } from '@vfio-user/core/internal';
import { addressOf, type MessageSocket, WOULD_BLOCK } from '@vfio-user/posix-ffi';

/** What a {@link Receiver.receive} found. */
export type Received = 'bytes' | 'nothing' | 'end';

/** The receiving half: the kernel writes straight into the assembler's buffer. */
export class Receiver {
  readonly #socket: MessageSocket;
  readonly #resetIsEnd: boolean;
  readonly #assembler: FrameAssembler;
  #bytes: Uint8Array | undefined;
  #address = 0;

  /**
   * `resetIsEnd`: a peer that closed before it read everything still ended its own stream in an
   * orderly way, as it is between processes of one machine.
   */
  constructor(
    socket: MessageSocket,
    framing: Framing,
    limits: FrameAssemblerLimits,
    resetIsEnd: boolean,
  ) {
    this.#socket = socket;
    this.#resetIsEnd = resetIsEnd;
    this.#assembler = new FrameAssembler(framing, limits);
  }

  /** Bytes since the beginning. */
  get receivedBytes(): number {
    return this.#assembler.receivedBytes;
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
    const count = this.#call(this.#address + assembler.end, assembler.space);
    if (count === WOULD_BLOCK) return 'nothing';
    if (count === 0) {
      assembler.finish();
      return 'end';
    }
    assembler.commit(count, this.#socket.takeDescriptors());
    return 'bytes';
  }

  /** One system call, whose bytes are thrown away together with all that were not handed out. */
  discard(): Received {
    const { bytes } = this.#assembler;
    if (bytes !== this.#bytes) this.#locate(bytes);
    const count = this.#call(this.#address, bytes.length);
    for (const descriptor of this.#socket.takeDescriptors()) descriptor.close();
    if (count === WOULD_BLOCK) return 'nothing';
    return count === 0 ? 'end' : 'bytes';
  }

  /** Whether the handshake is complete with what came so far. */
  shakeHands(handshake: Handshake): boolean {
    return this.#assembler.shakeHands(handshake);
  }

  /** The next whole message. */
  next(): Frame | undefined {
    return this.#assembler.next();
  }

  /** Close the descriptors nobody got. */
  release(): void {
    this.#assembler.release();
  }

  #call(address: number, length: number): number {
    try {
      return this.#socket.receive(address, length);
    } catch (error) {
      if (this.#resetIsEnd && errorCode(error) === 'ECONNRESET') return 0;
      throw error;
    }
  }

  #locate(bytes: Uint8Array): void {
    // A handler that transferred it to a worker would leave the kernel writing into freed memory.
    markAsUntransferable(bytes.buffer);
    this.#bytes = bytes;
    this.#address = addressOf(bytes);
  }
}
