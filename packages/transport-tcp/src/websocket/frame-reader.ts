import type { ReceiveBuffer } from '@vfio-user/core/transport';
import type { ReceivedBytes } from '../link/received-bytes.js';
import {
  CloseCode,
  FrameHeader,
  MAX_CONTROL_BYTES,
  Opcode,
  WebSocketViolation,
} from './frame-header.js';
import { mask } from './masking.js';

/** What a peer may send. */
export interface FrameReaderOptions {
  /** A server receives masked frames only, a client none. */
  readonly masked: boolean;
  /** Largest message, bytes. */
  readonly maxMessageBytes: number;
  /** A control frame has come; the payload is the receiver's. */
  onControl(opcode: number, payload: Uint8Array): void;
}

/**
 * Takes the frames of a WebSocket apart (RFC 6455, section 5). The payload of binary messages is
 * one byte stream, and is passed on as it comes, without waiting for the rest of a frame.
 */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #header = new FrameHeader();
  /** Payload of the current frame that is yet to come, and how much has. */
  #left = 0;
  #taken = 0;
  /** Between the frames of a fragmented message. */
  #fragmented = false;
  #messageBytes = 0;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /**
   * Move payload from `received` to `to`, as much as there is and fits.
   * @returns how much.
   * @throws {WebSocketViolation}
   */
  read(received: ReceivedBytes, to: ReceiveBuffer): number {
    let moved = 0;
    to.reserve();
    while (to.space > 0) {
      if (this.#left > 0) {
        const count = this.#move(received, to);
        if (count === 0) break;
        moved += count;
      } else if (!this.#begin(received)) {
        break;
      }
    }
    return moved;
  }

  #move(received: ReceivedBytes, to: ReceiveBuffer): number {
    const { start, end } = received;
    const count = Math.min(end - start, this.#left, to.space);
    const source = received.bytes.subarray(start, start + count);
    if (this.#header.masked) mask(source, to.bytes, to.end, this.#header.key, this.#taken % 4);
    else to.bytes.set(source, to.end);
    to.commit(count);
    received.start += count;
    this.#left -= count;
    this.#taken += count;
    return count;
  }

  /** The next frame. A control frame is dealt with once it is whole. */
  #begin(received: ReceivedBytes): boolean {
    const header = this.#header;
    const { bytes, start, end } = received;
    if (!header.parse(bytes, start, end)) return false;
    if (header.masked !== this.#options.masked) {
      throw new WebSocketViolation(
        header.masked ? 'a masked frame of a server' : 'a frame of a client that is not masked',
      );
    }
    if (header.opcode >= Opcode.CLOSE) return this.#control(received);
    this.#checkData();
    received.start += header.bytes;
    this.#left = header.length;
    this.#taken = 0;
    return true;
  }

  #checkData(): void {
    const { opcode, final, length } = this.#header;
    const { maxMessageBytes } = this.#options;
    if (opcode === Opcode.TEXT) {
      const text = 'a WebSocket message of text: this protocol is binary';
      throw new WebSocketViolation(text, CloseCode.UNACCEPTABLE);
    }
    if (opcode !== (this.#fragmented ? Opcode.CONTINUATION : Opcode.BINARY)) {
      throw new WebSocketViolation(
        `a frame of opcode ${opcode} ${this.#fragmented ? 'within' : 'outside'} a fragmented message`,
      );
    }
    this.#messageBytes = (this.#fragmented ? this.#messageBytes : 0) + length;
    this.#fragmented = !final;
    if (this.#messageBytes > maxMessageBytes) {
      throw new WebSocketViolation(
        `a WebSocket message of ${this.#messageBytes} bytes exceeded the limit of ${maxMessageBytes}`,
        CloseCode.TOO_BIG,
      );
    }
  }

  #control(received: ReceivedBytes): boolean {
    const { opcode, final, length, masked, key, bytes: headerBytes } = this.#header;
    if (opcode > Opcode.PONG) throw new WebSocketViolation(`a frame of opcode ${opcode}`);
    if (!final || length > MAX_CONTROL_BYTES || (opcode === Opcode.CLOSE && length === 1)) {
      throw new WebSocketViolation(`a control frame of ${length} bytes, fragmented: ${!final}`);
    }
    const start = received.start + headerBytes;
    if (received.end - start < length) return false;
    const payload = received.bytes.slice(start, start + length);
    if (masked) mask(payload, payload, 0, key, 0);
    received.start = start + length;
    this.#options.onControl(opcode, payload);
    return opcode !== Opcode.CLOSE;
  }
}
