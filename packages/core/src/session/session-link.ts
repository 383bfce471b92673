import { ProtocolViolationError, VfioUserError } from '../errors.js';
import type { KeepAlive } from '../protocol/messages.js';
import {
  decodeLinkFrame,
  encodeLinkFrame,
  isLinkFrame,
  type LinkFrame,
  LinkFrameKind,
} from '../protocol/portable/link-frames.js';
import type { Connection, Frame, FrameSink } from '../transport/transport.js';
import { KeepAliveMonitor, type KeptPeer, SIGNS_PER_SILENCE } from './keep-alive.js';

/** The session of a {@link SessionLink}. */
export interface LinkedSession {
  /** Number of the peer's frames that were handled. */
  readonly handled: number;
  /** A frame of the session. */
  onFrame(frame: Frame): void;
  /**
   * The peer has handled so many frames.
   * @returns `false` if that cannot be.
   */
  onHandled(count: number): boolean;
  onDrain(): void;
  /** The peer ends the session with this link. */
  onPeerEnd(): void;
  /** A link frame that does not concern the link itself. */
  onLinkFrame(frame: LinkFrame): void;
  /** The link has ended; called once. */
  onLinkClosed(error?: Error): void;
}

/** Silence after which the link counts as lost, here and at the peer, ms; 0: never. */
export interface LinkSilence {
  readonly ownSilenceMs: number;
  readonly peerSilenceMs: number;
}

/** One link of a session that survives it: its frames without a record, and signs of life. */
export class SessionLink implements FrameSink, KeptPeer {
  readonly connection: Connection;
  readonly #session: LinkedSession;
  readonly #monitor: KeepAliveMonitor;
  #frames = 0;
  /** The send queue is full. */
  #backedUp = false;
  /** KEEP_ALIVE to be answered once there is room; only the last one is. */
  #unanswered: number | undefined;
  #probe: NodeJS.Timeout | undefined;
  #over = false;

  constructor(connection: Connection, session: LinkedSession, silence: LinkSilence) {
    this.connection = connection;
    this.#session = session;
    const times = { ...silence, ownSilenceMs: heardOutMs(silence.ownSilenceMs) };
    this.#monitor = new KeepAliveMonitor(this, times, { replyMs: 0, silenceMs: 0 });
  }

  get bytesMoved(): number {
    return this.connection.bytesMoved ?? 0;
  }

  get signsOfLife(): number {
    return this.#frames + this.bytesMoved;
  }

  get awaitsReply(): boolean {
    return false;
  }

  post(_command: unknown, { nonce, reply }: KeepAlive): void {
    if (!reply) this.tell(LinkFrameKind.KEEP_ALIVE, nonce);
    // To a peer that does not read they would pile up.
    else if (this.#backedUp) this.#unanswered = nonce;
    else this.tell(LinkFrameKind.KEEP_ALIVE_REPLY, nonce);
  }

  /** Send a frame without a record; it also says how many frames were handled. */
  tell(kind: LinkFrameKind, value = 0, payload?: Uint8Array, data?: Uint8Array): void {
    const { handled } = this.#session;
    const head = encodeLinkFrame(kind, value, handled, payload, data?.length);
    if (!this.connection.send(head, data)) this.#backedUp = true;
  }

  /** End the session with this link, once what is queued is sent. */
  endSession(): void {
    this.tell(LinkFrameKind.END);
    void this.connection.close();
  }

  /** Ask for a sign of life: without one within `ms` the link counts as lost. */
  probe(ms: number): void {
    if (this.#probe !== undefined) return;
    const before = this.signsOfLife;
    this.tell(LinkFrameKind.KEEP_ALIVE);
    this.#probe = setTimeout(() => {
      this.#probe = undefined;
      if (this.signsOfLife !== before) return;
      this.abort(new VfioUserError('VFU_TIMEOUT', `the peer has been silent for ${ms / 1000} s`));
    }, ms).unref();
  }

  /** Give the link up. */
  abort(reason: Error): void {
    if (this.#over) return;
    this.onClose(reason);
    this.connection.abort(reason);
  }

  onFrame(frame: Frame): void {
    if (this.#over) return;
    this.#frames++;
    if (isLinkFrame(frame)) this.#onLinkFrame(frame);
    else this.#session.onFrame(frame);
  }

  onDrain(): void {
    if (this.#over) return;
    this.#backedUp = false;
    if (this.#unanswered !== undefined) {
      this.tell(LinkFrameKind.KEEP_ALIVE_REPLY, this.#unanswered);
      this.#unanswered = undefined;
    }
    this.#session.onDrain();
  }

  onClose(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#monitor.end();
    clearTimeout(this.#probe);
    this.#session.onLinkClosed(error);
  }

  #onLinkFrame(frame: Frame): void {
    const decoded = decodeLinkFrame(frame);
    if (decoded === undefined || !this.#session.onHandled(decoded.handled)) {
      throw decoded === undefined ? tooShort(frame.length) : impossibleCount(decoded.handled);
    }
    const { kind, value } = decoded;
    if (kind === LinkFrameKind.KEEP_ALIVE) this.#monitor.onMessage({ nonce: value, reply: false });
    else if (kind === LinkFrameKind.END) this.#session.onPeerEnd();
    else this.#session.onLinkFrame(decoded);
  }
}

/**
 * The silence that is heard out, so that a lost link is found within `silenceMs` although silence
 * is noticed up to a period late.
 */
function heardOutMs(silenceMs: number): number {
  if (silenceMs === 0) return 0;
  return SIGNS_PER_SILENCE * Math.max(1, Math.floor(silenceMs / (SIGNS_PER_SILENCE + 1)));
}

function tooShort(length: number): ProtocolViolationError {
  return new ProtocolViolationError(`a frame without a record of ${length} bytes, it has 24`);
}

/** A peer that says to have handled fewer messages than before, or more than were sent. */
export function impossibleCount(handled: number): ProtocolViolationError {
  const text = `the peer says that it has handled ${handled} messages, which cannot be`;
  return new ProtocolViolationError(text);
}
