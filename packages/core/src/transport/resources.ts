/**
 * What rides along with a message on a transport that passes descriptors, and what can be made of
 * it. Core never sees a file descriptor number: it asks these interfaces.
 */

/** A passed descriptor. Exactly one holder owns it and closes it (closing twice is harmless). */
export interface Descriptor {
  close(): void;
}

/** Host memory shared with the peer, or backed by something only reachable by copying. */
export interface MappedMemory {
  /** Bytes. */
  readonly length: number;
  /** What others write later may not show here: an adapter must not be pointed at it. */
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
  /** Revoke: when this returns, nothing of this process can touch the memory any more. */
  close(): void;
}

export interface MapRequest {
  /** Where the range starts in the file behind the descriptor, bytes. */
  readonly offset: bigint;
  /** Bytes. */
  readonly length: number;
  readonly readable: boolean;
  readonly writable: boolean;
  /** The client asked for file I/O instead of a mapping. */
  readonly fileIo?: boolean;
}

/** The sending half of a notification: an eventfd, or its replacement. */
export interface Notifier {
  /** @param count signals that have come together; 1 when absent. */
  signal(count?: number): void;
  close(): void;
}

/** The receiving half: `onSignal` of {@link SharedResources.createEvent} runs for each wake-up. */
export interface EventSource {
  /** A descriptor to send to the peer. The caller owns it. */
  descriptor(): Descriptor;
  close(): void;
}

/** Memory of ours that the peer may map. */
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
  /** How many more mappings this process can hold, for all of its devices; absent: any number. */
  readonly mappingsLeft?: number;
  /** Make a notifier of a passed descriptor, whose ownership passes to this call. */
  notifier(descriptor: Descriptor): Notifier;
  /** Whether both descriptors name the same file: what tells an identical DMA_MAP from a clash. */
  sameFile(memory: MappedMemory, descriptor: Descriptor): boolean;
  createMemory(name: string, length: number): SharedMemory;
  createEvent(onSignal: (count: number) => void): EventSource;
}

/** A descriptor made of each. When one cannot be made, those that were are closed. */
export function descriptorOfEach<T>(
  sources: readonly T[],
  make: (source: T) => Descriptor,
): readonly Descriptor[] {
  const descriptors: Descriptor[] = [];
  try {
    for (const source of sources) descriptors.push(make(source));
    return descriptors;
  } catch (error) {
    for (const descriptor of descriptors) descriptor.close();
    throw error;
  }
}
