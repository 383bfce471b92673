import { deferred } from '../deferred.js';
import { ProtocolViolationError, VfioUserError } from '../errors.js';
import { type LinkFrame, LinkFrameKind } from '../protocol/portable/link-frames.js';
import { connectionDefaults } from '../transport/connection-options.js';
import { nullSink } from '../transport/open-connection.js';
import type {
  Connection,
  Frame,
  FrameSink,
  PeerIdentity,
  TransportCapabilities,
} from '../transport/transport.js';
import { KeptFrames } from './kept-frames.js';
import { type LinkedSession, type LinkSilence, SessionLink } from './session-link.js';
import { SessionMemory } from './session-memory.js';
import type { MemoryCarrier } from './session-transfers.js';

/** Frames, and bytes of them, after which the peer is told that they were handled. */
const HANDLED_FRAMES = 256;
const HANDLED_BYTES = 2 ** 19;
/** Limit of an abort for telling the peer, ms. */
const ABORT_MS = 1_000;

/** The sink of a session's frames. */
export interface SessionSink extends FrameSink {
  /** The link was lost; what is sent is kept until the session is continued. */
  onInterrupted?(): void;
  /** The session goes on over another link. */
  onContinued?(): void;
}

/** A session that goes on over another link. */
export interface Continuation {
  /** Time without a link, ms. */
  readonly gapMs: number;
  /** Number of frames that were sent again. */
  readonly resentFrames: number;
}

export interface ResumableEvents {
  /** The link was lost. */
  onLost(reason: Error): void;
  onContinued(continuation: Continuation): void;
  /** The session has ended; called once. */
  onEnd(error?: Error): void;
}

export interface ResumableOptions extends LinkSilence {
  /** Secret of the session: never shown, never logged. */
  readonly id: Uint8Array;
  /** Most bytes of frames kept for the peer. The session ends when it leaves more unhandled. */
  readonly maxKeptBytes: number;
  readonly events: ResumableEvents;
}

/** The loss of a link. */
export interface Interruption {
  readonly reason: Error;
  /** `performance.now()`. */
  readonly since: number;
}

/**
 * The connection of a session that survives its links: frames are kept until the peer has handled
 * them, and sent again over the next link, so that each one arrives exactly once and in order
 * (portable protocol, "Sessions"). Whoever uses it notices a delay only.
 */
export class ResumableConnection implements Connection, LinkedSession, MemoryCarrier {
  readonly id: Uint8Array;
  /** Those of the first link, without descriptors, which cannot be sent again. */
  readonly capabilities: TransportCapabilities;
  readonly oneSided: SessionMemory | undefined;
  readonly #options: ResumableOptions;
  readonly #kept: KeptFrames;
  readonly #closed = deferred();
  #sink: SessionSink | undefined;
  /** The present or last connection. */
  #connection: Connection;
  #link: SessionLink | undefined;
  /** Incremented for each link that is offered or attached. */
  #generation = 0;
  #handled = 0;
  /** Frames and bytes handled since the peer was last told. */
  #untoldFrames = 0;
  #untoldBytes = 0;
  /** Bytes moved by earlier links. */
  #movedBefore = 0;
  #paused = false;
  #owesDrain = false;
  #holdMs = 0;
  #holdTimer: NodeJS.Timeout | undefined;
  #interruption: Interruption | undefined;
  #closing = false;
  #closeTimer: NodeJS.Timeout | undefined;
  #peerEnded = false;
  #over = false;
  #error: Error | undefined;

  constructor(connection: Connection, options: ResumableOptions) {
    this.id = options.id;
    this.#options = options;
    this.#kept = new KeptFrames(options.maxKeptBytes);
    this.#connection = connection;
    this.#link = new SessionLink(connection, this, options);
    const { capabilities, oneSided } = connection;
    this.capabilities = {
      ...capabilities,
      fdPassing: false,
      sharedMemory: false,
      maxDescriptors: 0,
    };
    this.oneSided = oneSided && new SessionMemory(this, oneSided);
  }

  get peer(): string {
    return this.#connection.peer;
  }

  get identity(): PeerIdentity | undefined {
    return this.#connection.identity;
  }

  get resources(): undefined {
    return undefined;
  }

  get bytesMoved(): number {
    return this.#movedBefore + (this.#link?.bytesMoved ?? 0);
  }

  /** The loss of the link, `undefined` while there is one. */
  get interruption(): Interruption | undefined {
    return this.#interruption;
  }

  /** How long the session lasts without a link, ms. */
  get holdMs(): number {
    return this.#holdMs;
  }

  /** Until when it lasts without a link; `undefined` while there is one. */
  get heldUntil(): Date | undefined {
    if (this.#interruption === undefined || this.#over) return undefined;
    return new Date(Date.now() + this.#interruption.since + this.#holdMs - performance.now());
  }

  /** The session has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Number of the peer's frames that were handled. */
  get handled(): number {
    return this.#handled;
  }

  /**
   * Begin with the first link.
   * @returns the sink of its frames.
   */
  begin(sink: SessionSink): FrameSink {
    this.#sink = sink;
    // It may have been aborted already.
    return this.#link ?? nullSink;
  }

  /** From now on the session lasts for so long without a link, ms. Until then it ends with it. */
  hold(ms: number): void {
    this.#holdMs = ms;
  }

  /**
   * The peer wants to go on over another link. The present one is given up, so that {@link handled}
   * stays as it is.
   * @param peerHandled number of frames that the peer has handled.
   * @returns the number of the offer, for {@link attach}; `undefined` if the session cannot go on.
   */
  offer(peerHandled: number): number | undefined {
    if (this.#over || this.#closing || this.#peerEnded) return undefined;
    if (!this.#kept.covers(peerHandled)) return undefined;
    const text = 'the peer came back over another link';
    this.#link?.abort(new VfioUserError('VFU_PEER_CLOSED', text));
    return this.#over ? undefined : ++this.#generation;
  }

  /**
   * Go on over another link: what the peer has not handled is sent again.
   * @param peerHandled number of frames that the peer has handled.
   * @returns the sink of the link's frames.
   * @throws {VfioUserError} when the session has ended, or the peer came back over a newer link.
   * @throws {ProtocolViolationError} when `peerHandled` cannot be, which ends the session.
   */
  attach(
    connection: Connection,
    peerHandled: number,
    generation: number = this.#generation,
  ): FrameSink {
    const interruption = this.#interruption;
    if (this.#over || interruption === undefined || generation !== this.#generation) {
      throw new VfioUserError('VFU_PEER_CLOSED', 'the session has ended or goes on elsewhere');
    }
    if (!this.onHandled(peerHandled)) {
      const text = `the peer says that it has handled ${peerHandled} messages, which cannot be`;
      const error = new ProtocolViolationError(text);
      this.#end(error);
      throw error;
    }
    clearTimeout(this.#holdTimer);
    this.#generation++;
    this.#interruption = undefined;
    this.#untoldFrames = 0;
    this.#untoldBytes = 0;
    this.#connection = connection;
    const link = new SessionLink(connection, this, this.#options);
    this.#link = link;
    if (this.#paused) connection.pause();
    const resentFrames = this.#kept.count - this.#kept.unsent;
    this.#kept.rewind();
    this.oneSided?.attach(connection.oneSided, peerHandled);
    // A server may take another link for the one in use until something comes over it.
    if (this.#kept.count === 0) link.tell(LinkFrameKind.HANDLED);
    this.proceed();
    this.#sink?.onContinued?.();
    const gapMs = performance.now() - interruption.since;
    this.#options.events.onContinued({ gapMs, resentFrames });
    if (this.#closing) this.#sayEnd(link);
    return link;
  }

  /** Ask the peer for a sign of life: without one within `ms` the link counts as lost. */
  probe(ms: number): void {
    if (!this.#over) this.#link?.probe(ms);
  }

  send(head: Uint8Array, data: Uint8Array = NO_BYTES): boolean {
    if (this.#over || this.#closing) return true;
    const leaves = this.#link !== undefined && !this.#heldBack;
    if (!this.#kept.add(head, data, leaves)) {
      const text = `${this.peer} leaves ${this.#kept.bytes} bytes unhandled: session ended`;
      this.abort(new VfioUserError('VFU_PEER_CLOSED', text));
      return true;
    }
    const hasRoom = leaves
      ? this.#connection.send(head, data)
      : this.#kept.bytes <= connectionDefaults.highWaterBytes;
    if (!hasRoom) this.#owesDrain = true;
    return hasRoom;
  }

  pause(): void {
    this.#paused = true;
    if (this.#link !== undefined) this.#connection.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#link !== undefined) this.#connection.resume();
  }

  close(): Promise<void> {
    if (!this.#over && !this.#closing) {
      this.#closing = true;
      if (this.#link !== undefined) {
        this.#sayEnd(this.#link);
      } else {
        const end = (): void => this.#end(this.#interruption?.reason);
        this.#closeTimer = setTimeout(end, connectionDefaults.closeTimeoutMs);
      }
    }
    return this.#closed.promise;
  }

  abort(reason: Error): void {
    if (this.#over) return;
    this.#end(reason);
    const link = this.#link;
    if (link === undefined) return;
    if (this.#holdMs === 0) {
      link.abort(reason);
    } else {
      // Without it the peer would wait for another link.
      this.#sayEnd(link);
      this.#closeTimer = setTimeout(() => link.abort(reason), ABORT_MS);
    }
  }

  onFrame(frame: Frame): void {
    if (this.#over) return;
    this.#handled++;
    this.#untoldFrames++;
    this.#untoldBytes += frame.length;
    this.#sink?.onFrame(frame);
    if (this.#untoldFrames < HANDLED_FRAMES && this.#untoldBytes < HANDLED_BYTES) return;
    this.#untoldFrames = 0;
    this.#untoldBytes = 0;
    this.#link?.tell(LinkFrameKind.HANDLED);
  }

  onHandled(count: number): boolean {
    if (this.#over) return true;
    if (!this.#kept.covers(count)) return false;
    this.#kept.drop(count);
    return true;
  }

  onDrain(): void {
    if (!this.#owesDrain || this.#closing || this.#over || this.#heldBack) return;
    this.#owesDrain = false;
    this.#sink?.onDrain();
  }

  onPeerEnd(): void {
    this.#peerEnded = true;
  }

  onLinkFrame(frame: LinkFrame): void {
    if (!this.#over) this.oneSided?.onFrame(frame);
  }

  get issued(): number {
    return this.#kept.issued;
  }

  release(upTo: number): boolean {
    let hasRoom = true;
    this.#kept.send(upTo, (first, second) => {
      hasRoom = this.#connection.send(first, second);
    });
    return hasRoom;
  }

  sendLinkFrame(kind: LinkFrameKind, value: number, payload?: Uint8Array, data?: Uint8Array): void {
    this.#link?.tell(kind, value, payload, data);
  }

  proceed(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.oneSided?.pump();
    if (this.oneSided?.waits) return;
    if (this.release(this.#kept.issued) && this.#owesDrain) queueMicrotask(() => link.onDrain());
  }

  onLinkClosed(error?: Error): void {
    this.#movedBefore += this.#link?.bytesMoved ?? 0;
    this.#link = undefined;
    this.oneSided?.lost();
    if (this.#over) {
      this.#report();
    } else if (this.#closing || this.#peerEnded) {
      this.#end(error);
    } else if (this.#holdMs === 0 || error instanceof ProtocolViolationError) {
      this.#end(error);
    } else {
      const text = `${this.peer} closed the connection`;
      this.#interrupted(error ?? new VfioUserError('VFU_PEER_CLOSED', text));
    }
  }

  #interrupted(reason: Error): void {
    this.#interruption = { reason, since: performance.now() };
    this.#holdTimer = setTimeout(() => {
      const text = `the link was not back within ${this.#holdMs / 1000} s: ${reason.message}`;
      this.#end(new VfioUserError('VFU_PEER_CLOSED', text, { cause: reason }));
    }, this.#holdMs).unref();
    this.#sink?.onInterrupted?.();
    this.#options.events.onLost(reason);
  }

  /** Frames have to stay behind transfers that wait. */
  get #heldBack(): boolean {
    return this.oneSided?.waits === true || this.#kept.unsent > 0;
  }

  #sayEnd(link: SessionLink): void {
    this.oneSided?.close(new VfioUserError('VFU_PEER_CLOSED', 'the session was closed'));
    this.proceed();
    link.tell(LinkFrameKind.END);
    void link.connection.close();
  }

  /** The session is over; that is reported once its link has ended too. */
  #end(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    clearTimeout(this.#holdTimer);
    clearTimeout(this.#closeTimer);
    this.oneSided?.end(error ?? new VfioUserError('VFU_PEER_CLOSED', 'the session has ended'));
    this.#kept.clear();
    if (this.#link === undefined) this.#report();
  }

  #report(): void {
    clearTimeout(this.#closeTimer);
    this.#closed.resolve();
    // Deferred, so that no call into the connection calls back before it returns.
    queueMicrotask(() => {
      this.#options.events.onEnd(this.#error);
      this.#sink?.onClose(this.#error);
    });
  }
}

const NO_BYTES = new Uint8Array(0);
