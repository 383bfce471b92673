import { type Iova, iovaText } from '../address.js';
import { EINVAL, ENOENT, ENOSPC, ENOTCONN } from '../errno.js';
import { RequestRefusedError } from '../errors.js';
import { DmaMessages } from '../memory/dma-messages.js';
import type { DmaSpace } from '../memory/dma-space.js';
import type { MappingRequest } from '../memory/mapping.js';
import type { AddedMapping } from '../memory/mapping-table.js';
import { OneSidedDma } from '../memory/one-sided-dma.js';
import { ADDRESS_SPACE_PAGES, offsetInPage, PAGE_BYTES, pageOf } from '../memory/page.js';
import { takeUnmapBitmap } from '../migration/unmap-bitmap.js';
import {
  DMA_MAP_FILE_IO,
  DMA_MAP_MMAP,
  DMA_MAP_READ,
  DMA_MAP_WRITE,
  DMA_UNMAP_ALL,
  DMA_UNMAP_GET_DIRTY_BITMAP,
} from '../protocol/constants.js';
import type { DmaFault, DmaMap, DmaUnmap, DmaUnmapReply } from '../protocol/messages.js';
import type { Peer } from '../session/peer.js';
import type { ReceivedDescriptors } from '../session/request-table.js';
import type { ExposedRange } from '../transport/one-sided.js';
import type { Descriptor, MappedMemory } from '../transport/resources.js';
import type { ServerLimits } from './limits.js';

const MAP_FLAGS = DMA_MAP_READ | DMA_MAP_WRITE | DMA_MAP_MMAP | DMA_MAP_FILE_IO;
const UNMAP_FLAGS = DMA_UNMAP_ALL | DMA_UNMAP_GET_DIRTY_BITMAP;

export interface DmaMapHandlerOptions {
  readonly peer: Peer;
  readonly space: DmaSpace;
  readonly limits: Pick<ServerLimits, 'maxDmaMapBytes' | 'maxDataXferSize' | 'maxDmaReads'>;
  /**
   * Called before mappings change: guest memory is not accessed once it returns or its promise
   * resolves. Absent where no device runs in this process.
   */
  readonly quiesce?: () => Promise<void> | undefined;
}

/** The memory limits negotiated in VERSION. */
export interface AgreedLimits {
  /** Most mappings at once, as announced to the client. */
  readonly maxDmaMaps: number;
  /** Most bytes of data in a message to the client. */
  readonly clientMaxDataXferSize: number;
}

/**
 * Handles a client's "DMA_MAP" and "DMA_UNMAP", and sets up access to memory that it does not
 * share.
 */
export class DmaMapHandler {
  readonly #options: DmaMapHandlerOptions;
  #agreed: AgreedLimits = { maxDmaMaps: 0, clientMaxDataXferSize: 0 };
  #messages: DmaMessages | undefined;

  constructor(options: DmaMapHandlerOptions) {
    this.#options = options;
  }

  /** Called when VERSION was accepted. */
  connect(agreed: AgreedLimits): void {
    const { peer, space, limits } = this.#options;
    const { oneSided, capabilities } = peer.connection;
    this.#agreed = agreed;
    // INTERRUPT messages stay behind the writes, whatever an eventfd would do. But RDMA may
    // overtake a client that has yet to process earlier messages.
    const orderedNotifications =
      oneSided === undefined && (peer.extensions.interrupts || capabilities.orderedNotifications);
    const messages = new DmaMessages(peer, {
      maxTransferBytes: Math.min(agreed.clientMaxDataXferSize, limits.maxDataXferSize),
      maxReads: limits.maxDmaReads,
      replyWindowBytes: peer.encoding.replyWindowBytes,
      attachment: space.attachment,
      fence: space.fence,
      orderedNotifications,
      posts: orderedNotifications && peer.extensions.postedDma,
      onFault: (error) => space.fault(error),
    });
    this.#messages = messages;
    space.connect(
      oneSided === undefined ? messages : new OneSidedDma(oneSided, messages, space.attachment),
    );
  }

  /** Whether all DMA_WRITE messages have been sent, relaxed writes aside. */
  get writesHaveLeft(): boolean {
    return this.#messages?.writesHaveLeft ?? true;
  }

  /** Run `action` once the writes issued so far have been sent, relaxed writes aside. */
  afterWrites(action: () => void): void {
    if (this.#messages === undefined) action();
    else this.#messages.afterWrites(action);
  }

  /** "DMA_FAULT": the client has refused a posted write. */
  onFault(fault: DmaFault): void {
    this.#messages?.onFault(fault);
  }

  /** The client is gone: its pending requests fail. */
  end(error: Error): void {
    this.#messages?.end(error);
  }

  /**
   * "DMA_MAP". A range identical to an existing mapping changes nothing; any other overlap is
   * EEXIST. A descriptor that is kept is removed from `received`.
   */
  map(body: DmaMap, received: ReceivedDescriptors): AddedMapping | Promise<AddedMapping> {
    const { space, limits } = this.#options;
    checkMap(body, limits.maxDmaMapBytes, received.length);
    const exposed = this.#exposedRanges(body);
    return this.#quiesced(() =>
      space.add(requestOf(body), {
        isSame: (memory) => this.#isBehind(memory, received[0]),
        take: () => {
          const { maxDmaMaps } = this.#agreed;
          if (space.mappingCount >= maxDmaMaps) {
            const text = `${maxDmaMaps} mappings exist already, that is the limit`;
            throw mapRefused(EINVAL, body.address, text);
          }
          return { memory: this.#mapDescriptor(body, received), exposed };
        },
      }),
    );
  }

  /**
   * "DMA_UNMAP": an exact range, or with ALL everything. When the reply is sent, this process no
   * longer accesses the memory, and transfers in flight have failed.
   */
  unmap(body: DmaUnmap): DmaUnmapReply | Promise<DmaUnmapReply> {
    checkUnmap(body, this.#options.limits.maxDataXferSize);
    return this.#quiesced(() => {
      const { space } = this.#options;
      const { argsz, flags, address, size } = body;
      const echo = { argsz, flags, address, size };
      if ((flags & DMA_UNMAP_ALL) !== 0) return after(space.removeAll(), echo);
      const mapping = space.exact(address, Number(size));
      if (mapping === undefined) {
        throw unmapRefused(body, 'no mapping of exactly this range', ENOENT);
      }
      if ((flags & DMA_UNMAP_GET_DIRTY_BITMAP) === 0) return after(space.remove(mapping), echo);
      const bits = takeUnmapBitmap(space, mapping, body, this.#agreed.clientMaxDataXferSize);
      return after(space.remove(mapping), { ...echo, bitmap: body.bitmap, bits });
    });
  }

  /**
   * Runs `task` after quiescing, synchronously if possible; dropped if the client leaves meanwhile.
   */
  #quiesced<T>(task: () => T | Promise<T>): T | Promise<T> {
    const { peer, quiesce } = this.#options;
    const pending = quiesce?.();
    if (pending === undefined) return task();
    return pending.then(() => {
      if (peer.closed) throw new RequestRefusedError(ENOTCONN, 'the client has left meanwhile');
      return task();
    });
  }

  /** The memory behind the attached descriptor, if any. */
  #mapDescriptor(body: DmaMap, received: ReceivedDescriptors): MappedMemory | undefined {
    const { resources } = this.#options.peer.connection;
    const descriptor = resources === undefined ? undefined : received.shift();
    if (descriptor === undefined) return undefined;
    const { readable, writable } = requestOf(body);
    try {
      return resources?.mapMemory(descriptor, {
        offset: body.offset,
        length: Number(body.size),
        readable,
        writable,
        fileIo: (body.flags & DMA_MAP_FILE_IO) !== 0 && (body.flags & DMA_MAP_MMAP) === 0,
      });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw mapRefused(EINVAL, body.address, why);
    }
  }

  /** The ranges that the client exposed for RDMA, if the connection supports it. */
  #exposedRanges(body: DmaMap): readonly ExposedRange[] {
    if (this.#options.peer.connection.oneSided === undefined) return [];
    const ranges = body.exposed ?? [];
    let end = 0;
    for (const { offset, length } of ranges) {
      if (offset < end || length === 0 || offset + length > Number(body.size)) {
        const text = `the exposed range [${offset}, +${length}) is empty, overlaps or lies outside`;
        throw mapRefused(EINVAL, body.address, text);
      }
      end = offset + length;
    }
    return ranges;
  }

  /** Whether the attached descriptor, if any, names this memory. */
  #isBehind(memory: MappedMemory | undefined, descriptor: Descriptor | undefined): boolean {
    if (descriptor === undefined || memory === undefined) return descriptor === memory;
    const { resources } = this.#options.peer.connection;
    return resources?.sameFile(memory, descriptor) ?? false;
  }
}

/** `answer`, once transfers that cannot be cancelled have ended. */
function after<T>(ended: Promise<void> | undefined, answer: T): T | Promise<T> {
  return ended === undefined ? answer : ended.then(() => answer);
}

function requestOf({ address, size, flags, offset }: DmaMap): MappingRequest {
  return {
    address,
    size: Number(size),
    readable: (flags & DMA_MAP_READ) !== 0,
    writable: (flags & DMA_MAP_WRITE) !== 0,
    fileOffset: offset,
  };
}

function checkMap(body: DmaMap, maxBytes: number, descriptors: number): void {
  const { address, flags, size } = body;
  if ((flags & ~MAP_FLAGS) !== 0)
    throw mapRefused(EINVAL, address, `unknown flags 0x${flags.toString(16)}`);
  if ((flags & (DMA_MAP_READ | DMA_MAP_WRITE)) === 0) {
    throw mapRefused(EINVAL, address, 'neither readable nor writable');
  }
  if (descriptors > 1)
    throw mapRefused(EINVAL, address, `${descriptors} descriptors, at most one is meaningful`);
  if (descriptors === 0 && (flags & (DMA_MAP_MMAP | DMA_MAP_FILE_IO)) !== 0) {
    throw mapRefused(EINVAL, address, 'a mode for a descriptor, but no descriptor');
  }
  if (size > maxBytes) {
    throw mapRefused(ENOSPC, address, `${size} bytes, the limit is ${maxBytes}`);
  }
  const bytes = Number(size);
  if (bytes === 0 || bytes % PAGE_BYTES !== 0 || offsetInPage(address) !== 0) {
    const text = `address and size ${bytes} must be multiples of ${PAGE_BYTES}`;
    throw mapRefused(EINVAL, address, text);
  }
  if (pageOf(address) + bytes / PAGE_BYTES > ADDRESS_SPACE_PAGES) {
    throw mapRefused(EINVAL, address, 'it ends beyond 2^64');
  }
}

function checkUnmap(body: DmaUnmap, maxArgsz: number): void {
  const { argsz, flags } = body;
  if ((flags & ~UNMAP_FLAGS) !== 0) {
    throw unmapRefused(body, `unknown flags 0x${flags.toString(16)}`);
  }
  if (argsz > maxArgsz) throw unmapRefused(body, `argsz ${argsz} above the limit`);
  if ((flags & DMA_UNMAP_ALL) === 0) return;
  if (flags !== DMA_UNMAP_ALL) throw unmapRefused(body, 'ALL goes with no other flag');
  if (body.address !== 0 || body.size !== 0)
    throw unmapRefused(body, 'ALL goes with address and size 0');
}

function mapRefused(errno: number, address: Iova, why: string): RequestRefusedError {
  return new RequestRefusedError(errno, `DMA_MAP at ${iovaText(address)}: ${why}`);
}

function unmapRefused(body: DmaUnmap, why: string, errno = EINVAL): RequestRefusedError {
  const range = `${iovaText(body.address)}, +${iovaText(body.size)}`;
  return new RequestRefusedError(errno, `DMA_UNMAP of [${range}): ${why}`);
}
