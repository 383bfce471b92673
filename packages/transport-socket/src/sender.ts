import { closeAll, NO_DESCRIPTORS } from '@vfio-user/core/internal';
import {
  addressOf,
  type FileDescriptor,
  type MessageSocket,
  NativeMemory,
  WOULD_BLOCK,
} from '@vfio-user/posix-ffi';
import { SocketSendQueue } from './send-queue.js';

const STAGE_BYTES = 0x1_0000;
/** Data up to this size is copied, which is cheaper than looking up where it is. */
const COPY_BYTES = 4096;

/**
 * The sending side: one system call per message, or for several small ones. What the socket does
 * not accept is queued and sent by {@link flush}.
 */
export class Sender {
  readonly #socket: MessageSocket;
  readonly #stage = new NativeMemory(STAGE_BYTES);
  readonly #queue = new SocketSendQueue();
  #staged = 0;

  constructor(socket: MessageSocket) {
    this.#socket = socket;
  }

  /** Bytes that the socket has not accepted yet. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /**
   * Send a message and take over its descriptors, unless it throws. `more` announces another {@link
   * send} or a {@link push}, so that small messages can be sent together.
   */
  send(
    head: Uint8Array,
    data: Uint8Array,
    descriptors: readonly FileDescriptor[],
    more: boolean,
  ): void {
    // Descriptors go with the first byte of their own message.
    if (descriptors.length > 0 || this.#staged + head.length > STAGE_BYTES) this.push();
    const idle = this.#queue.bytes === 0;
    if (!idle || head.length > STAGE_BYTES) {
      this.#queue.append(head, descriptors);
      this.#queue.borrow(data);
      if (idle) this.flush();
      return;
    }
    this.#stage.bytes.set(head, this.#staged);
    this.#staged += head.length;
    if (data.length > COPY_BYTES || this.#staged + data.length > STAGE_BYTES) {
      this.#transmit(data, descriptors);
      return;
    }
    this.#stage.bytes.set(data, this.#staged);
    this.#staged += data.length;
    if (!more || descriptors.length > 0) this.#transmit(EMPTY, descriptors);
  }

  /** Send the small messages that waited for more. */
  push(): void {
    if (this.#staged > 0) this.#transmit(EMPTY, NO_DESCRIPTORS);
  }

  /** Send what is queued, as far as the socket accepts it. */
  flush(): void {
    this.#queue.flush(this.#socket);
  }

  /** Drop everything. */
  clear(): void {
    this.#staged = 0;
    this.#queue.clear();
  }

  #transmit(data: Uint8Array, descriptors: readonly FileDescriptor[]): void {
    const staged = this.#staged;
    this.#staged = 0;
    const { address } = this.#stage;
    const count = this.#socket.send(address, staged, addressOf(data), data.length, descriptors);
    if (count === WOULD_BLOCK) {
      this.#queue.append(this.#stage.bytes.subarray(0, staged), descriptors);
      this.#queue.borrow(data);
      return;
    }
    closeAll(descriptors);
    if (count < staged) this.#queue.append(this.#stage.bytes.subarray(count, staged));
    if (count < staged + data.length) {
      this.#queue.borrow(data.subarray(Math.max(0, count - staged)));
    }
  }
}

const EMPTY = new Uint8Array(0);
