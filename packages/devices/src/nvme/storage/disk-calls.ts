/** The range of a call, and whether it changes it. */
export interface CallRange {
  /** Bytes. */
  readonly offset: number;
  readonly length: number;
  readonly kind: 'read' | 'change' | 'flush';
}

/** Starts a call; `done` is called once, when the kernel has returned. */
export type BeginCall = (done: (error?: unknown) => void) => void;

/** Options of {@link DiskCalls}. */
export interface DiskCallsInit {
  /** Calls in flight at most. */
  readonly limit: number;
  /** Milliseconds after which a call that has not returned is logged. */
  readonly stallMs: number;
  onStall(waitedMs: number): void;
  onRecovered(waitedMs: number): void;
}

interface Call {
  readonly range: CallRange;
  readonly begin: BeginCall;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** `performance.now()` when it began. */
  beganAt: number;
}

/** The controller was reset while a call waited for its turn. */
export class AbandonedError extends Error {
  constructor() {
    super('the controller was reset');
  }
}

/**
 * The calls of one disk that may take long, each in a thread of libuv's pool. At most `limit` of
 * them are under way: a disk that does not answer must leave threads to other disks and to name
 * lookups. Calls on ranges that overlap run one after the other if one of them changes something,
 * so that no block is ever seen half old and half new.
 */
export class DiskCalls {
  readonly #init: DiskCallsInit;
  readonly #running: Call[] = [];
  readonly #waiting: Call[] = [];
  /** Changes that were under way at the last reset: nothing may begin before they have ended. */
  readonly #left = new Set<Call>();
  /** Reads that run or wait. */
  #reads = 0;
  #life = 0;
  #watch: NodeJS.Timeout | undefined;
  #stalledSince: number | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(init: DiskCallsInit) {
    this.#init = init;
  }

  get isIdle(): boolean {
    return this.#running.length === 0;
  }

  /** Changes with {@link abandon}. */
  get life(): number {
    return this.#life;
  }

  /**
   * Whether a range may be read beside the calls: nothing is about to change it. False as well when
   * many reads wait for the disk, since asking for more of it could then wait, too.
   */
  mayReadBeside(offset: number, length: number): boolean {
    if (this.#running.length === 0) return true;
    if (this.#left.size > 0 || this.#reads >= this.#init.limit) return false;
    const range: CallRange = { offset, length, kind: 'read' };
    return !this.#running.some(collidesWith(range)) && !this.#waiting.some(collidesWith(range));
  }

  /** Run a call when it may begin. */
  run(range: CallRange, begin: BeginCall): Promise<void> {
    return new Promise((resolve, reject) => {
      if (range.kind === 'read') this.#reads++;
      this.#waiting.push({ range, begin, resolve, reject, beganAt: 0 });
      this.#beginWaiting();
    });
  }

  /** The controller was reset: waiting calls are rejected, and later ones wait for the changes under way. */
  abandon(): void {
    this.#life++;
    for (const call of this.#running) if (call.range.kind === 'change') this.#left.add(call);
    for (const call of this.#waiting.splice(0)) {
      if (call.range.kind === 'read') this.#reads--;
      call.reject(new AbandonedError());
    }
  }

  /** Resolves when no call is in flight. */
  idle(): Promise<void> {
    if (this.#running.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  #beginWaiting(): void {
    while (this.#running.length < this.#init.limit && this.#left.size === 0) {
      const [next] = this.#waiting;
      if (next === undefined || this.#running.some(collidesWith(next.range))) return;
      this.#waiting.shift();
      this.#running.push(next);
      next.beganAt = performance.now();
      this.#watch ??= setInterval(this.#look, this.#init.stallMs / 2).unref();
      next.begin((error) => this.#ended(next, error));
    }
  }

  #ended(call: Call, error: unknown): void {
    this.#running.splice(this.#running.indexOf(call), 1);
    this.#left.delete(call);
    if (call.range.kind === 'read') this.#reads--;
    if (this.#stalledSince !== undefined) this.#tellRecovery();
    if (error === undefined || error === null) call.resolve();
    else call.reject(error);
    this.#beginWaiting();
    if (this.#running.length === 0) this.#whenIdle?.();
  }

  readonly #look = (): void => {
    const [oldest] = this.#running; // pushed in the order in which they begin
    if (oldest === undefined) {
      clearInterval(this.#watch);
      this.#watch = undefined;
      return;
    }
    const waitedMs = Math.round(performance.now() - oldest.beganAt);
    if (waitedMs < this.#init.stallMs || this.#stalledSince !== undefined) return;
    this.#stalledSince = oldest.beganAt;
    this.#init.onStall(waitedMs);
  };

  #tellRecovery(): void {
    const since = this.#stalledSince as number; // checked by the caller
    if (this.#running.some((call) => call.beganAt <= since)) return;
    this.#stalledSince = undefined;
    this.#init.onRecovered(Math.round(performance.now() - since));
  }
}

function collidesWith(range: CallRange): (call: Call) => boolean {
  const end = range.offset + range.length;
  return ({ range: other }) =>
    (range.kind === 'change' || other.kind === 'change') &&
    range.offset < other.offset + other.length &&
    other.offset < end;
}
