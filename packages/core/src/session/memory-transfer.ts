/** A copy from or to memory of the peer. */
export class MemoryTransfer {
  readonly reads: boolean;
  readonly memory: number;
  readonly offset: number;
  readonly data: Uint8Array;
  /** Number of frames issued before it. */
  readonly after: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Counts links. */
  run = 0;
  /** Bytes begun and pieces under way, over this link. */
  begun = 0;
  pieces = 0;
  /** Number of its last piece, if that is an access by frames. */
  lastAccess: number | undefined;
  /** Why its last piece by the adapter was interrupted. */
  interruption: unknown;
  error: Error | undefined;

  constructor(
    init: Pick<
      MemoryTransfer,
      'reads' | 'memory' | 'offset' | 'data' | 'after' | 'resolve' | 'reject'
    >,
  ) {
    this.reads = init.reads;
    this.memory = init.memory;
    this.offset = init.offset;
    this.data = init.data;
    this.after = init.after;
    this.resolve = init.resolve;
    this.reject = init.reject;
  }

  get isBegun(): boolean {
    return this.begun === this.data.length;
  }

  /** Over another link, from the start. */
  restart(): void {
    this.run++;
    this.begun = 0;
    this.pieces = 0;
    this.lastAccess = undefined;
    this.interruption = undefined;
  }
}
