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
import { HandledCount } from './handled-count.js';
import { Hold, type Interruption } from './hold.js';
import { OutgoingFrames } from './outgoing-frames.js';
import { PresentLink } from './present-link.js';
import type { ResumableOptions, SessionSink } from './session-events.js';
import { impossibleCount, type LinkedSession, SessionLink } from './session-link.js';
import type { SessionMemory } from './session-memory.js';

/** Limit of an abort for telling the peer, ms. */
const ABORT_MS = 1_000;

/**
 * The connection of a session that survives its links: frames are kept until the peer has handled
 * them, and sent again over the next link, so that each one arrives exactly once and in order
 * (portable protocol, "Sessions"). Whoever uses it notices a delay only.
 */
export class ResumableConnection implements Connection, LinkedSession {
  readonly id: Uint8Array;
  /** Those of the first link, without descriptors, which cannot be sent again. */
  readonly capabilities: TransportCapabilities;
  readonly #options: ResumableOptions;
  readonly #sent: OutgoingFrames;
  readonly #handled = new HandledCount();
  readonly #hold: Hold;
  readonly #closed = deferred();
  #sink: SessionSink | undefined;
  readonly #present: PresentLink;
  /** Incremented for each link that is offered or attached. */
  #generation = 0;
  #closing = false;
  #closeTimer: NodeJS.Timeout | undefined;
  #peerEnded = false;
  #over = false;
  #error: Error | undefined;

  constructor(connection: Connection, options: ResumableOptions) {
    this.id = options.id;
    this.#options = options;
    this.#hold = new Hold((error) => this.#end(error));
    this.#present = new PresentLink(connection);
    this.#present.set(new SessionLink(connection, this, options));
    const { capabilities, oneSided: adapter } = connection;
    this.capabilities = {
      ...capabilities,
      fdPassing: false,
      sharedMemory: false,
      maxDescriptors: 0,
    };
    this.#sent = new OutgoingFrames(this.#present, options.maxKeptBytes, adapter);
  }

  get peer(): string {
    return this.#present.connection.peer;
  }

  get identity(): PeerIdentity | undefined {
    return this.#present.connection.identity;
  }

  get resources(): undefined {
    return undefined;
  }

  get oneSided(): SessionMemory | undefined {
    return this.#sent.memory;
  }

  get bytesMoved(): number {
    return this.#present.bytesMoved;
  }

  /** The loss of the link, `undefined` while there is one. */
  get interruption(): Interruption | undefined {
    return this.#hold.interruption;
  }

  /** How long the session lasts without a link, ms. */
  get holdMs(): number {
    return this.#hold.ms;
  }

  /** Until when it lasts without a link; `undefined` while there is one. */
  get heldUntil(): Date | undefined {
    return this.#over ? undefined : this.#hold.until;
  }

  /** The session has ended. */
  get over(): boolean {
    return this.#over;
  }

  /** Number of the peer's frames that were handled. */
  get handled(): number {
    return this.#handled.frames;
  }

  /**
   * Begin with the first link.
   * @returns the sink of its frames.
   */
  begin(sink: SessionSink): FrameSink {
    this.#sink = sink;
    // It may have been aborted already.
    return this.#present.link ?? nullSink;
  }

  /** From now on the session lasts for so long without a link, ms. Until then it ends with it. */
  hold(ms: number): void {
    this.#hold.ms = ms;
  }

  /**
   * The peer wants to go on over another link. The present one is given up, so that {@link handled}
   * stays as it is.
   * @param peerHandled number of frames that the peer has handled.
   * @returns the number of the offer, for {@link attach}; `undefined` if the session cannot go on.
   */
  offer(peerHandled: number): number | undefined {
    if (this.#over || this.#closing || this.#peerEnded) return undefined;
    if (!this.#sent.covers(peerHandled)) return undefined;
    this.#present.giveUp();
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
    const { interruption } = this.#hold;
    if (this.#over || interruption === undefined || generation !== this.#generation) {
      throw new VfioUserError('VFU_PEER_CLOSED', 'the session has ended or goes on elsewhere');
    }
    if (!this.onHandled(peerHandled)) {
      const violation = impossibleCount(peerHandled);
      this.#end(violation);
      throw violation;
    }
    this.#generation++;
    this.#hold.end();
    this.#handled.told();
    const link = new SessionLink(connection, this, this.#options);
    this.#present.set(link);
    const resentFrames = this.#sent.goOn(peerHandled);
    this.#sink?.onContinued?.();
    const gapMs = performance.now() - interruption.since;
    this.#options.events.onContinued({ gapMs, resentFrames });
    if (this.#closing) this.#sayEnd(link);
    return link;
  }

  /** Ask the peer for a sign of life: without one within `ms` the link counts as lost. */
  probe(ms: number): void {
    if (!this.#over) this.#present.link?.probe(ms);
  }

  send(head: Uint8Array, data?: Uint8Array): boolean {
    if (this.#over || this.#closing) return true;
    const hasRoom = this.#sent.send(head, data);
    if (hasRoom !== undefined) return hasRoom;
    const text = `${this.peer} leaves ${this.#sent.bytes} bytes unhandled: session ended`;
    this.abort(new VfioUserError('VFU_PEER_CLOSED', text));
    return true;
  }

  pause(): void {
    this.#present.pause();
  }

  resume(): void {
    this.#present.resume();
  }

  close(): Promise<void> {
    if (!this.#over && !this.#closing) {
      this.#closing = true;
      if (this.#present.link !== undefined) this.#sayEnd(this.#present.link);
      else if (this.#sent.count === 0) this.#end(undefined);
      else this.#limitClosing();
    }
    return this.#closed.promise;
  }

  abort(reason: Error): void {
    if (this.#over) return;
    this.#end(reason);
    const link = this.#present.link;
    if (link === undefined) return;
    if (this.holdMs === 0) {
      link.abort(reason);
    } else {
      // Without it the peer would wait for another link.
      this.#sayEnd(link);
      this.#closeTimer = setTimeout(() => link.abort(reason), ABORT_MS);
    }
  }

  onFrame(frame: Frame): void {
    if (this.#over) return;
    this.#handled.add(frame.length);
    try {
      this.#sink?.onFrame(frame);
    } catch (error) {
      // Another link would not help: the frame counts as handled.
      this.#end(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    if (!this.#handled.isDue) return;
    this.#handled.told();
    this.#present.link?.tell(LinkFrameKind.HANDLED);
  }

  onHandled(count: number): boolean {
    return this.#over || this.#sent.drop(count);
  }

  onDrain(): void {
    if (!this.#closing && !this.#over && this.#sent.takeDrain()) this.#sink?.onDrain();
  }

  onPeerEnd(): void {
    this.#peerEnded = true;
  }

  onLinkFrame(frame: LinkFrame): void {
    if (!this.#over) this.oneSided?.onFrame(frame);
  }

  onLinkClosed(error?: Error): void {
    this.#present.lost();
    this.#sent.lost();
    const isEnd = this.#peerEnded || (this.#closing && error === undefined);
    if (this.#over) this.#report();
    else if (isEnd || this.holdMs === 0 || error instanceof ProtocolViolationError)
      this.#end(error);
    else this.#interrupted(error);
  }

  #interrupted(error: Error | undefined): void {
    const text = `${this.peer} closed the connection`;
    const reason = error ?? new VfioUserError('VFU_PEER_CLOSED', text);
    this.#hold.begin(reason);
    if (this.#closing) this.#limitClosing();
    this.#sink?.onInterrupted?.();
    this.#options.events.onLost(reason, this.#present.isGivenUp);
  }

  /** What is to be sent before the end does not wait for a link for long. */
  #limitClosing(): void {
    const end = (): void => this.#end(this.interruption?.reason);
    this.#closeTimer ??= setTimeout(end, connectionDefaults.closeTimeoutMs);
  }

  #sayEnd(link: SessionLink): void {
    this.#sent.close();
    link.endSession();
  }

  /** The session is over; that is reported once its link has ended too. */
  #end(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#hold.stop();
    clearTimeout(this.#closeTimer);
    this.#sent.end(error);
    if (this.#present.link === undefined) this.#report();
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
