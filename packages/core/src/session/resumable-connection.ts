import { deferred } from '../deferred.js';
import { ProtocolViolationError, VfioUserError } from '../errors.js';
import type { KeepAlive } from '../protocol/messages.js';
import {
  decodeLinkFrame,
  encodeLinkFrame,
  isLinkFrame,
  LinkFrameKind,
} from '../protocol/portable/link-frames.js';
import { leavesUnread } from '../transport/close-reasons.js';
import { connectionDefaults } from '../transport/connection-options.js';
import type { OneSidedMemory } from '../transport/one-sided.js';
import type {
  Connection,
  Frame,
  FrameSink,
  PeerIdentity,
  TransportCapabilities,
} from '../transport/transport.js';
import { KeepAliveMonitor } from './keep-alive.js';
import { KeptFrames } from './kept-frames.js';

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
  readonly reason: Error;
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

export interface ResumableOptions {
  /** Secret of the session: never shown, never logged. */
  readonly id: Uint8Array;
  /** Most bytes of frames kept for the peer. The session ends when it leaves more unhandled. */
  readonly maxKeptBytes: number;
  /** Silence after which a link counts as lost, here and at the peer, ms; 0: never. */
  readonly ownSilenceMs: number;
  readonly peerSilenceMs: number;
  readonly events: ResumableEvents;
}

/**
 * The connection of a session that survives its links: frames are kept until the peer has handled
 * them, and sent again over the next link, so that each one arrives exactly once and in order
 * (portable protocol, "Resuming"). Whoever uses it notices a delay only.
 */
export class ResumableConnection implements Connection {
  readonly id: Uint8Array;
  readonly #options: ResumableOptions;
  readonly #kept: KeptFrames;
  readonly #closed = deferred();
  #sink: SessionSink | undefined;
  #link: Connection | undefined;
  /** The current link, or the last one. */
  #about: Connection;
  #monitor: KeepAliveMonitor | undefined;
  /** Incremented for each link that is offered or attached. */
  #generation = 0;
  /** Number of the peer's frames that were handled. */
  #handled = 0;
  /** Frames and bytes handled since the peer was last told. */
  #untoldFrames = 0;
  #untoldBytes = 0;
  #linkFrames = 0;
  /** Bytes moved by earlier links. */
  #movedBefore = 0;
  #paused = false;
  #owesDrain = false;
  /** How long the session lasts without a link, ms. */
  #holdMs = 0;
  #holdTimer: NodeJS.Timeout | undefined;
  #lost: { readonly reason: Error; readonly since: number } | undefined;
  #closing = false;
  #closeTimer: NodeJS.Timeout | undefined;
  /** The peer has ended the session. */
  #peerEnded = false;
  #over = false;
  #error: Error | undefined;

  constructor(link: Connection, options: ResumableOptions) {
    this.id = options.id;
    this.#options = options;
    this.#kept = new KeptFrames(options.maxKeptBytes);
    this.#about = link;
    this.#link = link;
  }

  get peer(): string {
    return this.#about.peer;
  }

  get identity(): PeerIdentity | undefined {
    return this.#about.identity;
  }

  get capabilities(): TransportCapabilities {
    return this.#about.capabilities;
  }

  /** Descriptors cannot be sent again. */
  get resources(): undefined {
    return undefined;
  }

  get oneSided(): OneSidedMemory | undefined {
    return this.#about.oneSided;
  }

  get bytesMoved(): number {
    return this.#movedBefore + (this.#link?.bytesMoved ?? 0);
  }

  /** Since when and why there is no link, `performance.now()`; `undefined` while there is one. */
  get interruption(): { readonly reason: Error; readonly since: number } | undefined {
    return this.#lost;
  }

  /** How long the session lasts without a link, ms. */
  get holdMs(): number {
    return this.#holdMs;
  }

  /** Until when the session lasts without a link; `undefined` while it has one. */
  get heldUntil(): Date | undefined {
    if (this.#lost === undefined || this.over) return undefined;
    return new Date(Date.now() + this.#lost.since + this.#holdMs - performance.now());
  }

  get over(): boolean {
    return this.#over;
  }

  /** Number of the peer's frames that were handled. */
  get handled(): number {
    return this.#handled;
  }

  /**
   * Begin with the first link.
   * @returns what receives its frames.
   */
  begin(sink: SessionSink): FrameSink {
    this.#sink = sink;
    const link = this.#about;
    if (this.#link !== undefined) this.#watch(link);
    return this.#linkSink(link);
  }

  /** From now on the session lasts for so long without a link, ms. Until then it ends with its link. */
  hold(ms: number): void {
    this.#holdMs = ms;
  }

  /**
   * The peer wants to go on over another link, and has handled so many frames. The present link is
   * given up, so that the number of frames that this side has handled stays as it is.
   * @returns the number of the offer, for {@link attach}; `undefined` when the session cannot go on.
   */
  offer(peerHandled: number): number | undefined {
    if (this.over || this.#closing || this.#peerEnded || !this.#kept.covers(peerHandled)) return;
    const link = this.#link;
    if (link !== undefined) {
      const text = 'the peer came back over another link';
      this.#giveUp(link, new VfioUserError('VFU_PEER_CLOSED', text));
      if (this.over) return;
    }
    return ++this.#generation;
  }

  /**
   * Go on over another link: what the peer has not handled is sent again.
   * @param peerHandled number of frames that the peer has handled.
   * @returns what receives the frames of the link.
   * @throws {VfioUserError} when the session is over or the peer came back over a newer link.
   */
  attach(link: Connection, peerHandled: number, generation = this.#generation): FrameSink {
    const lost = this.#lost;
    if (this.over || lost === undefined || generation !== this.#generation) {
      throw new VfioUserError('VFU_PEER_CLOSED', 'the session has ended or goes on elsewhere');
    }
    if (!this.#kept.covers(peerHandled)) {
      const text = `the peer says that it has handled ${peerHandled} messages, which cannot be`;
      throw new ProtocolViolationError(text);
    }
    clearTimeout(this.#holdTimer);
    this.#generation++;
    this.#about = link;
    this.#link = link;
    this.#lost = undefined;
    this.#untoldFrames = 0;
    this.#untoldBytes = 0;
    if (this.#paused) link.pause();
    this.#kept.drop(peerHandled);
    let hasRoom = true;
    this.#kept.forEach((first, second) => {
      hasRoom = link.send(first.length > 0 ? first : second, first.length > 0 ? second : undefined);
    });
    this.#watch(link);
    const gapMs = performance.now() - lost.since;
    this.#sink?.onContinued?.();
    this.#options.events.onContinued({
      reason: lost.reason,
      gapMs,
      resentFrames: this.#kept.count,
    });
    if (this.#closing) this.#sayEnd(link);
    else if (this.#owesDrain && hasRoom) queueMicrotask(() => this.#onDrain(link));
    return this.#linkSink(link);
  }

  /** Ask the peer for a sign of life: without one within `ms` the link counts as lost. */
  probe(ms: number): void {
    const link = this.#link;
    if (link === undefined || this.over) return;
    const before = this.#signsOfLife;
    this.#tell(LinkFrameKind.KEEP_ALIVE, 0);
    setTimeout(() => {
      if (this.#signsOfLife !== before || link !== this.#link) return;
      this.#giveUp(link, new VfioUserError('VFU_TIMEOUT', `the peer was silent for ${ms} ms`));
    }, ms).unref();
  }

  send(head: Uint8Array, data: Uint8Array = NO_BYTES): boolean {
    if (this.#over || this.#closing) return true;
    if (!this.#kept.add(head, data)) {
      this.abort(leavesUnread(this.peer, this.#kept.bytes));
      return true;
    }
    const hasRoom =
      this.#link === undefined
        ? this.#kept.bytes <= connectionDefaults.highWaterBytes
        : this.#link.send(head, data);
    if (!hasRoom) this.#owesDrain = true;
    return hasRoom;
  }

  pause(): void {
    this.#paused = true;
    this.#link?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#link?.resume();
  }

  close(): Promise<void> {
    if (!this.#over && !this.#closing) {
      this.#closing = true;
      if (this.#link !== undefined) this.#sayEnd(this.#link);
      else {
        const { closeTimeoutMs } = connectionDefaults;
        this.#closeTimer = setTimeout(() => this.#end(this.#lost?.reason), closeTimeoutMs);
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

  #linkSink(link: Connection): FrameSink {
    return {
      onFrame: (frame) => {
        if (link === this.#link && !this.#over) this.#onFrame(frame);
      },
      onDrain: () => this.#onDrain(link),
      onClose: (error) => {
        if (link === this.#link) this.#onLinkClosed(link, error);
      },
    };
  }

  #onFrame(frame: Frame): void {
    if (isLinkFrame(frame)) {
      this.#onLinkFrame(frame);
      return;
    }
    this.#handled++;
    this.#untoldFrames++;
    this.#untoldBytes += frame.length;
    this.#sink?.onFrame(frame);
    if (this.#untoldFrames >= HANDLED_FRAMES || this.#untoldBytes >= HANDLED_BYTES) {
      this.#tell(LinkFrameKind.HANDLED, 0);
    }
  }

  #onLinkFrame(frame: Frame): void {
    const decoded = decodeLinkFrame(frame);
    if (decoded === undefined || !this.#kept.covers(decoded.handled)) {
      throw new ProtocolViolationError('a frame without a record that makes no sense');
    }
    this.#linkFrames++;
    this.#kept.drop(decoded.handled);
    const { kind, value } = decoded;
    if (kind === LinkFrameKind.KEEP_ALIVE) this.#monitor?.onMessage({ nonce: value, reply: false });
    else if (kind === LinkFrameKind.END) this.#peerEnded = true;
  }

  #onDrain(link: Connection): void {
    if (link !== this.#link || !this.#owesDrain || this.#closing) return;
    this.#owesDrain = false;
    this.#sink?.onDrain();
  }

  #tell(kind: LinkFrameKind, value: number): void {
    this.#untoldFrames = 0;
    this.#untoldBytes = 0;
    this.#link?.send(this.#linkFrame(kind, value));
  }

  #linkFrame(kind: LinkFrameKind, value: number): Uint8Array {
    return encodeLinkFrame(kind, value, this.#handled);
  }

  #sayEnd(link: Connection): void {
    this.#tell(LinkFrameKind.END, 0);
    void link.close();
  }

  get #signsOfLife(): number {
    return this.#linkFrames + this.#handled + this.bytesMoved;
  }

  #giveUp(link: Connection, reason: Error): void {
    this.#onLinkClosed(link, reason);
    link.abort(reason);
  }

  #watch(link: Connection): void {
    const { ownSilenceMs, peerSilenceMs } = this.#options;
    const signs = (): number => this.#signsOfLife;
    const watched = {
      get signsOfLife(): number {
        return signs();
      },
      awaitsReply: false,
      post: (_command: unknown, { nonce, reply }: KeepAlive): void =>
        this.#tell(reply ? LinkFrameKind.KEEP_ALIVE_REPLY : LinkFrameKind.KEEP_ALIVE, nonce),
      abort: (reason: Error): void => this.#giveUp(link, reason),
    };
    this.#monitor = new KeepAliveMonitor(
      watched,
      { ownSilenceMs, peerSilenceMs },
      { replyMs: 0, silenceMs: 0 },
    );
  }

  #onLinkClosed(link: Connection, error: Error | undefined): void {
    if (link !== this.#link) return;
    this.#monitor?.end();
    this.#movedBefore += link.bytesMoved ?? 0;
    this.#link = undefined;
    if (this.#over) {
      this.#report();
    } else if (this.#closing || this.#peerEnded) {
      this.#end(error);
    } else {
      const reason = error ?? new VfioUserError('VFU_PEER_CLOSED', 'the connection was closed');
      if (this.#holdMs === 0 || error instanceof ProtocolViolationError) this.#end(error);
      else this.#onLost(reason);
    }
  }

  #onLost(reason: Error): void {
    this.#lost = { reason, since: performance.now() };
    this.#holdTimer = setTimeout(() => {
      const text = `the link was not back within ${this.#holdMs / 1000} s: ${reason.message}`;
      this.#end(new VfioUserError('VFU_PEER_CLOSED', text, { cause: reason }));
    }, this.#holdMs).unref();
    this.#sink?.onInterrupted?.();
    this.#options.events.onLost(reason);
  }

  #end(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    clearTimeout(this.#holdTimer);
    clearTimeout(this.#closeTimer);
    this.#monitor?.end();
    this.#kept.clear();
    if (this.#link === undefined) this.#report();
  }

  /** The session is over, and so is its link. */
  #report(): void {
    clearTimeout(this.#closeTimer);
    const error = this.#error;
    this.#closed.resolve();
    // Deferred, so that no call into the connection calls back before it returns.
    queueMicrotask(() => {
      this.#options.events.onEnd(error);
      this.#sink?.onClose(error);
    });
  }
}

const NO_BYTES = new Uint8Array(0);
