import {
  EAGAIN,
  EINTR,
  EMFILE,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SCM_MAX_FD,
  SCM_RIGHTS,
  SOL_SOCKET,
} from './constants.js';
import { FileDescriptor } from './file-descriptor.js';
import { failed, libc } from './libc.js';
import { NativeMemory } from './native-memory.js';
import { SystemError } from './system-error.js';

/** Result of {@link MessageSocket} when the call would block. */
export const WOULD_BLOCK = -1;

// struct msghdr, 64-bit: name 0, namelen 8, iov 16, iovlen 24, control 32, controllen 40, flags 48.
const MSG_IOV = 16;
const MSG_IOV_LENGTH = 24;
const MSG_CONTROL = 32;
const MSG_CONTROL_LENGTH = 40;
const MSG_FLAGS = 48;
const MSG_BYTES = 56;
const IOVEC_BYTES = 16;
// struct cmsghdr: len 0, level 8, type 12, data 16; each starts at a multiple of 8.
const CMSG_HEADER_BYTES = 16;
const FD_BYTES = 4;

const align = (length: number): number => Math.ceil(length / 8) * 8;
const RIGHTS_BYTES = align(CMSG_HEADER_BYTES + SCM_MAX_FD * FD_BYTES);
/** Room for what an inherited socket may have switched on (SO_PASSCRED, SO_PASSSEC). */
const OTHER_CONTROL_BYTES = 512;

const NONE: readonly FileDescriptor[] = Object.freeze([]);

/**
 * Sends and receives on a stream socket, descriptors included, without blocking. The kernel's
 * structures are built once, so that a message allocates nothing.
 */
export class MessageSocket {
  readonly #socket: FileDescriptor;
  readonly #libc = libc();
  readonly #incoming = new NativeMemory(MSG_BYTES + IOVEC_BYTES);
  readonly #incomingControl = new NativeMemory(RIGHTS_BYTES + OTHER_CONTROL_BYTES);
  readonly #outgoing = new NativeMemory(MSG_BYTES + 2 * IOVEC_BYTES);
  readonly #outgoingControl = new NativeMemory(RIGHTS_BYTES);
  #received: readonly FileDescriptor[] = NONE;

  constructor(socket: FileDescriptor) {
    this.#socket = socket;
    const incoming = this.#incoming;
    incoming.setWord(MSG_IOV, incoming.address + MSG_BYTES);
    incoming.setWord(MSG_IOV_LENGTH, 1);
    incoming.setWord(MSG_CONTROL, this.#incomingControl.address);
    this.#outgoing.setWord(MSG_IOV, this.#outgoing.address + MSG_BYTES);
  }

  /**
   * Receive up to `length` bytes to `address`.
   * @returns the number of bytes, 0 at the end of the stream, {@link WOULD_BLOCK} when there is
   * nothing yet.
   * @throws {SystemError} also when descriptors were lost because this process has none free.
   */
  receive(address: number, length: number): number {
    const message = this.#incoming;
    message.setWord(MSG_BYTES, address);
    message.setWord(MSG_BYTES + 8, length);
    // The kernel overwrites this field with the size used.
    message.view.setUint32(MSG_CONTROL_LENGTH, this.#incomingControl.bytes.length, true);
    const fd = this.#socket.number;
    for (;;) {
      const count = this.#libc.recvmsg(fd, message.address, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (count >= 0) {
        if (message.view.getUint32(MSG_CONTROL_LENGTH, true) !== 0) this.#collectDescriptors();
        return count;
      }
      const errno = this.#libc.errno[0];
      if (errno === EAGAIN) return WOULD_BLOCK;
      if (errno !== EINTR) throw failed('recvmsg');
    }
  }

  /** The descriptors of the last {@link receive}. The caller owns them. */
  takeDescriptors(): readonly FileDescriptor[] {
    const descriptors = this.#received;
    this.#received = NONE;
    return descriptors;
  }

  /**
   * Send two pieces of memory as one message.
   * @returns the number of bytes sent, which may be fewer, or {@link WOULD_BLOCK}. The descriptors
   * are sent with the first byte; the caller still owns them.
   */
  send(
    head: number,
    headLength: number,
    data: number,
    dataLength: number,
    descriptors: readonly FileDescriptor[] = NONE,
  ): number {
    const message = this.#outgoing;
    message.setWord(MSG_BYTES, head);
    message.setWord(MSG_BYTES + 8, headLength);
    message.setWord(MSG_BYTES + IOVEC_BYTES, data);
    message.setWord(MSG_BYTES + IOVEC_BYTES + 8, dataLength);
    message.view.setUint32(MSG_IOV_LENGTH, dataLength === 0 ? 1 : 2, true);
    this.#attach(descriptors);
    const fd = this.#socket.number;
    for (;;) {
      const count = this.#libc.sendmsg(fd, message.address, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count >= 0) return count;
      const errno = this.#libc.errno[0];
      if (errno === EAGAIN) return WOULD_BLOCK;
      if (errno !== EINTR) throw failed('sendmsg');
    }
  }

  #attach(descriptors: readonly FileDescriptor[]): void {
    const message = this.#outgoing;
    if (descriptors.length === 0) {
      message.setWord(MSG_CONTROL, 0);
      message.setWord(MSG_CONTROL_LENGTH, 0);
      return;
    }
    if (descriptors.length > SCM_MAX_FD) {
      throw new RangeError(
        `${descriptors.length} descriptors in one message, the kernel takes ${SCM_MAX_FD}`,
      );
    }
    const control = this.#outgoingControl;
    const length = CMSG_HEADER_BYTES + descriptors.length * FD_BYTES;
    control.setWord(0, length);
    control.view.setInt32(8, SOL_SOCKET, true);
    control.view.setInt32(12, SCM_RIGHTS, true);
    descriptors.forEach((descriptor, index) => {
      control.view.setInt32(CMSG_HEADER_BYTES + index * FD_BYTES, descriptor.number, true);
    });
    message.setWord(MSG_CONTROL, control.address);
    message.setWord(MSG_CONTROL_LENGTH, align(length));
  }

  #collectDescriptors(): void {
    const { view } = this.#incomingControl;
    const end = this.#incoming.view.getUint32(MSG_CONTROL_LENGTH, true);
    const received: FileDescriptor[] = [];
    let offset = 0;
    while (offset + CMSG_HEADER_BYTES <= end) {
      const length = view.getUint32(offset, true);
      if (length < CMSG_HEADER_BYTES) break;
      if (
        view.getInt32(offset + 8, true) === SOL_SOCKET &&
        view.getInt32(offset + 12, true) === SCM_RIGHTS
      ) {
        const last = Math.min(offset + length, end) - FD_BYTES;
        for (let at = offset + CMSG_HEADER_BYTES; at <= last; at += FD_BYTES) {
          received.push(FileDescriptor.fromSyscall(view.getInt32(at, true), 'recvmsg'));
        }
      }
      offset += align(length);
    }
    if ((this.#incoming.view.getUint32(MSG_FLAGS, true) & MSG_CTRUNC) !== 0) {
      for (const descriptor of received) descriptor.close();
      throw new SystemError(EMFILE, 'recvmsg', 'passed descriptors (raise the limit, ulimit -n)');
    }
    if (received.length > 0) this.#received = received;
  }
}
