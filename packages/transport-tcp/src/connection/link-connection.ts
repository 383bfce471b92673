import {
  type Descriptor,
  type FrameSink,
  type TransportCapabilities,
  VfioUserError,
} from '@vfio-user/core';
import {
  FrameAssembler,
  type NewConnection,
  type Opening,
  OpeningPhase,
} from '@vfio-user/core/internal';
import type { Link } from '../link/link.js';
import { Outbox } from '../link/outbox.js';
import type { Settings } from '../options.js';
import type { ConnectionParts } from './parts.js';

const NO_BYTES = new Uint8Array(0);

/** Frames over a {@link Link}, which it owns. */
export class LinkConnection implements NewConnection {
  readonly peer: string;
  readonly capabilities: TransportCapabilities;
  readonly resources = undefined;
  readonly #link: Link;
  readonly #settings: Settings;
  readonly #assembler: FrameAssembler;
  readonly #outbox: Outbox;
  #opening: OpeningPhase | undefined;
  #sink: FrameSink | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => {};
  #closeTimer: NodeJS.Timeout | undefined;
  #closeError: Error | undefined;
  /** Received while paused, and not looked at. */
  #backlog: Uint8Array[] = [];
  #paused = false;
  /** The peer sends nothing more. */
  #ended = false;
  #finSent = false;
  #owesDrain = false;
  /** Pieces that left after the peer had let them wait. */
  #takenLater = 0;
  #delivering = false;
  #flushScheduled = false;
  #resumeScheduled = false;

  constructor(link: Link, { peer, framing, capabilities, settings }: ConnectionParts) {
    this.peer = peer;
    this.capabilities = capabilities;
    this.#link = link;
    this.#settings = settings;
    const { maxFrameBytes } = settings;
    this.#assembler = new FrameAssembler(framing, { maxFrameBytes, maxDescriptors: 0 });
    this.#outbox = new Outbox(link, () => this.#onLeft());
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get bytesMoved(): number {
    return this.#assembler.receivedBytes + this.#takenLater;
  }

  open(opening: Opening): void {
    this.#opening = new OpeningPhase(this.peer, opening, (error) => this.#end(error));
    const { greeting } = this.#opening;
    if (greeting !== undefined) this.send(greeting);
    this.#advance();
    if (this.#state === 'closed') return;
    this.#link.start({
      onData: (bytes) => this.#onData(bytes),
      onEnd: () => this.#onEnd(),
      // Once everything was said and done, it does not matter how it ends.
      onError: (error) => this.#end(this.#finSent ? undefined : broken(this.peer, error)),
    });
    if (this.#paused) this.#link.pause();
  }

  send(
    head: Uint8Array,
    data: Uint8Array = NO_BYTES,
    descriptors?: readonly Descriptor[],
  ): boolean {
    if (descriptors !== undefined && descriptors.length > 0) this.#refuse(descriptors);
    if (this.#state !== 'open') return true;
    this.#outbox.append(head, data);
    if (!this.#delivering) this.#scheduleFlush();
    const { queuedBytes } = this.#outbox;
    if (queuedBytes > this.#settings.maxQueuedBytes) {
      const text = `${this.peer} leaves ${queuedBytes} bytes unread: connection ended`;
      this.abort(new VfioUserError('VFU_PEER_CLOSED', text));
      return true;
    }
    if (queuedBytes <= this.#settings.highWaterBytes) return true;
    this.#owesDrain = true;
    return false;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#link.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#resumeScheduled) return;
    this.#resumeScheduled = true;
    // Later, so that no frame is delivered from within this call.
    setImmediate(this.#onResumed);
  }

  close(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'closing';
      this.#outbox.flush();
      this.#closeTimer = setTimeout(() => this.#onCloseTimeout(), this.#settings.closeTimeoutMs);
      this.#finishClosing();
    }
    return this.#closed;
  }

  abort(reason: Error): void {
    this.#end(reason);
  }

  #refuse(descriptors: readonly Descriptor[]): never {
    for (const descriptor of descriptors) descriptor.close();
    throw new VfioUserError('VFU_UNSUPPORTED', 'descriptors cannot be passed over a network');
  }

  #onData(bytes: Uint8Array): void {
    // What comes while closing is lost anyway: only the end of it is awaited.
    if (this.#state !== 'open') return;
    if (this.#paused || this.#backlog.length > 0) this.#backlog.push(bytes);
    else this.#receive(bytes);
  }

  readonly #onResumed = (): void => {
    this.#resumeScheduled = false;
    if (this.#paused || this.#state !== 'open') return;
    const backlog = this.#backlog;
    this.#backlog = [];
    this.#deliver();
    for (const bytes of backlog) this.#onData(bytes);
    if (this.#state !== 'open' || this.#paused) return;
    if (this.#ended) this.#onEndOfStream();
    else this.#link.resume();
  };

  #receive(bytes: Uint8Array): void {
    const assembler = this.#assembler;
    for (let taken = 0; taken < bytes.length; ) {
      assembler.reserve();
      const count = Math.min(assembler.space, bytes.length - taken);
      assembler.bytes.set(bytes.subarray(taken, taken + count), assembler.end);
      assembler.commit(count);
      taken += count;
      this.#deliver();
      if (this.#state !== 'open') return;
      if (this.#paused) {
        if (taken < bytes.length) this.#backlog.push(bytes.subarray(taken));
        return;
      }
    }
  }

  /** Hand out the whole frames that are there; what they are answered leaves as one piece. */
  #deliver(): void {
    this.#delivering = true;
    try {
      if (this.#sink === undefined) this.#advance();
      while (this.#sink !== undefined && this.#state === 'open' && !this.#paused) {
        const frame = this.#assembler.next();
        if (frame === undefined) break;
        this.#sink.onFrame(frame);
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    }
    this.#delivering = false;
    this.#outbox.flush();
  }

  #advance(): void {
    const sink = this.#opening?.advance(this.#assembler, (answer) => this.send(answer));
    if (sink === undefined) return;
    this.#opening = undefined;
    this.#sink = sink;
    // The server may have turned it away while it was asked who gets the frames.
    if (this.#state === 'closed') this.#reportClose(sink);
  }

  /** At the end of the turn: everything that is sent until then leaves as one piece. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    process.nextTick(this.#onTurnEnd);
  }

  readonly #onTurnEnd = (): void => {
    this.#flushScheduled = false;
    if (this.#state !== 'closed') this.#outbox.flush();
  };

  #onLeft(): void {
    if (this.#owesDrain) this.#takenLater++;
    if (this.#state === 'closing') this.#finishClosing();
    if (this.#state !== 'open' || !this.#owesDrain) return;
    if (this.#outbox.queuedBytes > this.#settings.lowWaterBytes) return;
    this.#owesDrain = false;
    this.#sink?.onDrain();
  }

  #onEnd(): void {
    this.#ended = true;
    if (this.#state === 'closing') this.#end(undefined);
    else if (this.#state === 'open' && !this.#paused) this.#onEndOfStream();
  }

  #onEndOfStream(): void {
    const { pendingBytes } = this.#assembler;
    if (pendingBytes === 0 || this.#sink === undefined) {
      this.#end(undefined);
      return;
    }
    const text = `${this.peer} closed the connection in the middle of a message, ${pendingBytes} bytes into it`;
    this.#end(new VfioUserError('VFU_PEER_CLOSED', text));
  }

  /** Once everything has left, say so to the peer and wait for its own end. */
  #finishClosing(): void {
    if (this.#outbox.queuedBytes > 0 || this.#finSent) return;
    this.#finSent = true;
    if (this.#ended) {
      this.#end(undefined);
      return;
    }
    this.#link.end();
    // Its end is behind what it still sends.
    this.#link.resume();
  }

  #onCloseTimeout(): void {
    const { queuedBytes } = this.#outbox;
    if (queuedBytes === 0) {
      this.#end(undefined);
      return;
    }
    const text = `${this.peer} did not read the last ${queuedBytes} bytes within ${this.#settings.closeTimeoutMs} ms`;
    this.#end(new VfioUserError('VFU_TIMEOUT', text));
  }

  #end(error: Error | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#closeError = error;
    this.#backlog = [];
    clearTimeout(this.#closeTimer);
    this.#link.destroy();
    this.#resolveClosed();
    if (this.#sink !== undefined) this.#reportClose(this.#sink);
    else this.#opening?.fail(error);
  }

  /** Later, so that no call into the connection calls back before it returned. */
  #reportClose(sink: FrameSink): void {
    queueMicrotask(() => sink.onClose(this.#closeError));
  }
}

function broken(peer: string, cause: Error): VfioUserError {
  if (VfioUserError.is(cause)) return cause;
  return new VfioUserError('VFU_PEER_CLOSED', `lost ${peer}: ${cause.message}`, { cause });
}
