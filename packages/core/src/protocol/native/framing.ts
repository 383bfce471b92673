import { ProtocolViolationError } from '../../errors.js';
import type { Framing } from '../../transport/transport.js';
import { DEFAULT_MAX_DATA_XFER_SIZE, HEADER_BYTES } from '../constants.js';
import { Command, commandName } from '../enums.js';
import { headerCommand, headerSize } from './header.js';

/** Room besides bulk data: the largest fixed part and small inline data. */
const HEAD_ROOM_BYTES = 4096 + 32;

/** The largest message with the default max_data_xfer_size. */
export const DEFAULT_MAX_FRAME_BYTES = DEFAULT_MAX_DATA_XFER_SIZE + HEAD_ROOM_BYTES;

export interface NativeFramingOptions {
  /**
   * Largest message accepted, header included, bytes. Limits what a peer can make the receiver
   * allocate.
   */
  readonly maxFrameBytes?: number;
}

const descriptorCommands: ReadonlySet<number> = new Set([
  Command.VERSION,
  Command.DMA_MAP,
  // SPDK's client attaches the descriptor of the mapping once more.
  Command.DMA_UNMAP,
  Command.DEVICE_GET_REGION_INFO,
  Command.DEVICE_GET_REGION_IO_FDS,
  Command.DEVICE_SET_IRQS,
]);

/** Cuts a byte stream into messages by the size in their header. */
export class NativeFraming implements Framing {
  readonly headerBytes = HEADER_BYTES;
  readonly #maxFrameBytes: number;

  constructor({ maxFrameBytes = DEFAULT_MAX_FRAME_BYTES }: NativeFramingOptions = {}) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  frameLength(view: DataView, offset: number): number {
    const size = headerSize(view, offset);
    if (size < HEADER_BYTES || size > this.#maxFrameBytes) {
      throw new ProtocolViolationError(
        `${commandName(headerCommand(view, offset))}: msg_size is ${size}, ` +
          `allowed are ${HEADER_BYTES} to ${this.#maxFrameBytes} bytes`,
      );
    }
    return size;
  }

  mayCarryDescriptors(view: DataView, offset: number): boolean {
    return descriptorCommands.has(headerCommand(view, offset));
  }
}
