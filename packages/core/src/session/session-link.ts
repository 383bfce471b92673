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
import { KeepAliveMonitor, type KeptPeer } from './keep-alive.js';

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
  #over = false;

  constructor(connection: Connection, session: LinkedSession, silence: LinkSilence) {
    this.connection = connection;
    this.#session = session;
    this.#monitor = new KeepAliveMonitor(this, silence, { replyMs: 0, silenceMs: 0 });
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
    this.tell(reply ? LinkFrameKind.KEEP_ALIVE_REPLY : LinkFrameKind.KEEP_ALIVE, nonce);
  }

  /** Send a frame without a record; it also says how many frames were handled. */
  tell(kind: LinkFrameKind, value = 0, payload?: Uint8Array, data?: Uint8Array): void {
    const { handled } = this.#session;
    this.connection.send(encodeLinkFrame(kind, value, handled, payload, data?.length), data);
  }

  /** Ask for a sign of life: without one within `ms` the link counts as lost. */
  probe(ms: number): void {
    const before = this.signsOfLife;
    this.tell(LinkFrameKind.KEEP_ALIVE);
    const timer = setTimeout(() => {
      if (this.#over || this.signsOfLife !== before) return;
      this.abort(new VfioUserError('VFU_TIMEOUT', `the peer was silent for ${ms} ms`));
    }, ms);
    timer.unref();
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
    if (!this.#over) this.#session.onDrain();
  }

  onClose(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#monitor.end();
    this.#session.onLinkClosed(error);
  }

  #onLinkFrame(frame: Frame): void {
    const decoded = decodeLinkFrame(frame);
    if (decoded === undefined || !this.#session.onHandled(decoded.handled)) {
      throw new ProtocolViolationError('a frame without a record that makes no sense');
    }
    const { kind, value } = decoded;
    if (kind === LinkFrameKind.KEEP_ALIVE) this.#monitor.onMessage({ nonce: value, reply: false });
    else if (kind === LinkFrameKind.END) this.#session.onPeerEnd();
    else this.#session.onLinkFrame(decoded);
  }
}
