/**
 * Resources attached to messages on a transport that passes descriptors. Core never uses a file
 * descriptor number, only these interfaces.
 */

/** A passed descriptor with a single owner, who closes it. `close` is idempotent. */
export interface Descriptor {
  close(): void;
}

/** Host memory that is mapped, or only accessible by copying. */
export interface MappedMemory {
  /** Bytes. */
  readonly length: number;
  /** Later writes of others may not show: unsuitable for RDMA. */
  readonly copyOnWrite?: boolean;
  /**
   * A view of `[offset, offset + length)`, or `undefined` when the range cannot be viewed in one
   * piece. A view taken before {@link close} stays harmless after it: it reads zeros and its
   * writes go nowhere.
   */
  view(offset: number, length: number): Uint8Array | undefined;
  /** Copy out. Offsets are the caller's to check; out of range throws `RangeError`. */
  read(offset: number, target: Uint8Array): void;
  /** Copy in. */
  write(offset: number, source: Uint8Array): void;
  /** Revoke: when this returns, this process no longer accesses the memory. */
  close(): void;
}

export interface MapRequest {
  /** Start of the range in the file, bytes. */
  readonly offset: bigint;
  /** Bytes. */
  readonly length: number;
  readonly readable: boolean;
  readonly writable: boolean;
  /** The client asked for file I/O instead of a mapping. */
  readonly fileIo?: boolean;
}

/** The sending end of a notification: an eventfd or its replacement. */
export interface Notifier {
  /** @param count number of signals. Default 1. */
  signal(count?: number): void;
  close(): void;
}

/**
 * The receiving end: `onSignal` of {@link SharedResources.createEvent} is called for each wake-up.
 */
export interface EventSource {
  /** A descriptor to send to the peer. The caller owns it. */
  descriptor(): Descriptor;
  close(): void;
}

/** Memory that the peer may map. */
export interface SharedMemory extends MappedMemory {
  /** A descriptor to send to the peer. The caller owns it. */
  descriptor(): Descriptor;
}

/** Present on a connection exactly when its capability `fdPassing` is on. */
export interface SharedResources {
  /**
   * Map the memory behind `descriptor`, whose ownership passes to this call: it is closed on
   * failure, and at the latest when the mapping is closed.
   * @throws {VfioUserError} `VFU_SYSTEM_ERROR` when it is no memory, or too short for the range.
   */
  mapMemory(descriptor: Descriptor, request: MapRequest): MappedMemory;
  /** Make a notifier of a passed descriptor, whose ownership passes to this call. */
  notifier(descriptor: Descriptor): Notifier;
  /** Whether both name the same file, to recognise an identical DMA_MAP. */
  sameFile(memory: MappedMemory, descriptor: Descriptor): boolean;
  createMemory(name: string, length: number): SharedMemory;
  createEvent(onSignal: (count: number) => void): EventSource;
}

/** Of the many messages without any. */
export const NO_DESCRIPTORS: readonly never[] = Object.freeze([]);

/** Close all of them. */
export function closeAll(closables: readonly { close(): void }[]): void {
  // Nearly every message has no descriptors, and an iterator costs more than this check.
  if (closables.length === 0) return;
  for (const closable of closables) closable.close();
}

/** A descriptor of each. If one cannot be made, the others are closed. */
export function descriptorOfEach<T, D extends Descriptor>(
  sources: readonly T[],
  make: (source: T) => D,
): readonly D[] {
  const descriptors: D[] = [];
  try {
    for (const source of sources) descriptors.push(make(source));
    return descriptors;
  } catch (error) {
    closeAll(descriptors);
    throw error;
  }
}
