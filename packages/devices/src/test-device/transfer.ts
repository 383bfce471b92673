import { crc32 } from 'node:zlib';
import { advanceIova, type Dma, type Iova } from '@vfio-user/core';
import type { DmaRequest } from './dma-request.js';
import { benchRegisters as command } from './registers.js';

/**
 * Moves the chunks of a request. `start` either finishes at once, because guest memory is shared,
 * or returns what to wait for. Those waited for are finished in the order they were started.
 */
export interface Transfer {
  /** @param slot a number that no other chunk under way has, below the request's depth. */
  start(offset: number, size: number, slot: number): Promise<void> | undefined;
  finish?(offset: number, size: number, slot: number): void;
  /** CRC-32 of what went through, for the command that asks for it. */
  readonly checksum?: number;
}

/**
 * @param memory the device memory; the request's range in it was checked.
 * @throws {DmaFaultError} when the client has not mapped the guest's range.
 */
export function createTransfer(request: DmaRequest, dma: Dma, memory: Uint8Array): Transfer {
  switch (request.command) {
    case command.DMA_COPY_GUEST:
      return copyGuest(request, dma);
    case command.DMA_LOAD:
      return load(request, dma, memory);
    case command.DMA_STORE:
      return store(request, dma, memory);
    case command.DMA_FILL_GUEST:
      return fill(request, dma);
    default:
      return new Checksum(request, dma);
  }
}

function copyGuest({ source, destination, chunk }: DmaRequest, dma: Dma): Transfer {
  const buffers = new ChunkBuffers(chunk);
  return {
    start(offset, size, slot) {
      const from = dma.range(advanceIova(source, offset), size, 'read');
      const to = dma.range(advanceIova(destination, offset), size, 'write');
      const view = to.local ? from.view : undefined;
      if (view !== undefined) return to.write(view);
      const buffer = buffers.get(slot, size);
      const store = (): Promise<void> | undefined => to.write(buffer, 0, 'relaxed');
      const reading = from.read(buffer);
      return reading === undefined ? store() : reading.then(store);
    },
  };
}

function load({ source, destination, length }: DmaRequest, dma: Dma, memory: Uint8Array): Transfer {
  const base = Number(destination);
  const from = dma.range(source, length, 'read');
  return {
    start: (offset, size) =>
      from.read(memory.subarray(base + offset, base + offset + size), offset),
  };
}

function store(
  { source, destination, length }: DmaRequest,
  dma: Dma,
  memory: Uint8Array,
): Transfer {
  const base = Number(source);
  const to = dma.range(destination, length, 'write');
  return {
    start: (offset, size) =>
      to.write(memory.subarray(base + offset, base + offset + size), offset, 'relaxed'),
  };
}

function fill({ destination, chunk, length, pattern }: DmaRequest, dma: Dma): Transfer {
  // A chunk is a multiple of 4 bytes, so that the pattern goes on seamlessly in the next one.
  const words = new Uint32Array(Math.ceil(Math.min(chunk, length) / 4));
  new DataView(words.buffer).setUint32(0, pattern, true);
  words.fill(words[0] as number);
  const bytes = new Uint8Array(words.buffer);
  const to = dma.range(destination, length, 'write');
  return {
    start: (offset, size) => to.write(bytes.subarray(0, size), offset, 'relaxed'),
  };
}

/** A checksum depends on the order of its chunks: those that took messages are added in `finish`. */
class Checksum implements Transfer {
  checksum = 0;
  readonly #source: Iova;
  readonly #dma: Dma;
  readonly #buffers: ChunkBuffers;
  #waiting = 0;

  constructor({ source, chunk }: DmaRequest, dma: Dma) {
    this.#source = source;
    this.#dma = dma;
    this.#buffers = new ChunkBuffers(chunk);
  }

  start(offset: number, size: number, slot: number): Promise<void> | undefined {
    const range = this.#dma.range(advanceIova(this.#source, offset), size, 'read');
    const view = this.#waiting === 0 ? range.view : undefined;
    if (view !== undefined) {
      this.#add(offset, view);
      return undefined;
    }
    const reading = range.read(this.#buffers.get(slot, size));
    this.#waiting++;
    // In its turn, also when it was read at once.
    return reading ?? Promise.resolve();
  }

  finish(offset: number, size: number, slot: number): void {
    this.#waiting--;
    this.#add(offset, this.#buffers.get(slot, size));
  }

  #add(offset: number, bytes: Uint8Array): void {
    // Every repetition starts over: the result is that of one pass.
    this.checksum = crc32(bytes, offset === 0 ? 0 : this.checksum);
  }
}

/** One buffer for each chunk under way, made when first needed. */
class ChunkBuffers {
  readonly #bytes: number;
  readonly #buffers: Uint8Array[] = [];

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get(slot: number, size: number): Uint8Array {
    const buffer = this.#buffers[slot] ?? new Uint8Array(this.#bytes);
    this.#buffers[slot] = buffer;
    return size === buffer.length ? buffer : buffer.subarray(0, size);
  }
}
