import {
  type FileDescriptor,
  type MessageSocket,
  NativeMemory,
  WOULD_BLOCK,
} from '@vfio-user/posix-ffi';
import { HEADER_BYTES } from './wire.js';

const SCRATCH_BYTES = 0x1_0000;

/** One message as it arrived. */
export interface RawMessage {
  readonly id: number;
  readonly command: number;
  readonly flags: number;
  readonly errno: number;
  readonly payload: Buffer;
  readonly fds: readonly FileDescriptor[];
}

interface Partial {
  readonly header: Buffer;
  readonly fds: readonly FileDescriptor[];
  readonly pieces: Buffer[];
  left: number;
}

/**
 * Receives as the strict clients in the field do: the header must come in one piece, and descriptors
 * together with it.
 */
export class MessageReader {
  /** All that came along, to be closed by the owner. */
  readonly descriptors: FileDescriptor[] = [];
  readonly #wire: MessageSocket;
  readonly #scratch = new NativeMemory(SCRATCH_BYTES);
  #partial: Partial | undefined;
  #ended = false;

  constructor(wire: MessageSocket) {
    this.#wire = wire;
  }

  /** The other side has closed the connection. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The next whole message, `undefined` when the rest is still under way. */
  next(): RawMessage | undefined {
    while (!this.#ended) {
      if (this.#partial?.left === 0) return this.#finish(this.#partial);
      const bytes = this.#receive(this.#partial?.left ?? HEADER_BYTES);
      if (bytes === undefined) return undefined;
      const fds = this.#wire.takeDescriptors();
      this.descriptors.push(...fds);
      if (this.#partial === undefined) this.#begin(bytes, fds);
      else this.#continue(this.#partial, bytes, fds);
    }
    return undefined;
  }

  #begin(header: Buffer, fds: readonly FileDescriptor[]): void {
    if (header.length < HEADER_BYTES) throw new Error(`a header in pieces: ${header.length} bytes`);
    this.#partial = { header, fds, pieces: [], left: header.readUInt32LE(4) - HEADER_BYTES };
  }

  #continue(partial: Partial, bytes: Buffer, fds: readonly FileDescriptor[]): void {
    if (fds.length > 0) throw new Error('descriptors came behind the header');
    partial.pieces.push(bytes);
    partial.left -= bytes.length;
  }

  #finish({ header, fds, pieces }: Partial): RawMessage {
    this.#partial = undefined;
    return {
      id: header.readUInt16LE(0),
      command: header.readUInt16LE(2),
      flags: header.readUInt32LE(8),
      errno: header.readUInt32LE(12),
      payload: Buffer.concat(pieces),
      fds,
    };
  }

  #receive(most: number): Buffer | undefined {
    let count: number;
    try {
      count = this.#wire.receive(this.#scratch.address, Math.min(most, SCRATCH_BYTES));
    } catch {
      // A server that closed with bytes of ours unread resets the connection.
      count = 0;
    }
    if (count === WOULD_BLOCK) return undefined;
    if (count === 0) {
      this.#ended = true;
      return undefined;
    }
    return Buffer.from(this.#scratch.bytes.subarray(0, count));
  }
}
