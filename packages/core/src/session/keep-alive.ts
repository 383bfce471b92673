import { VfioUserError } from '../errors.js';
import { ExtensionCommand } from '../protocol/enums.js';
import type { KeepAlive } from '../protocol/messages.js';
import type { SessionExtensions } from './extensions.js';

/** Frames are sent at least this often within the peer's silence limit. */
export const SIGNS_PER_SILENCE = 3;

/** The peer as a {@link KeepAliveMonitor} sees it. */
export interface KeptPeer {
  /** Incremented whenever something is received. */
  readonly signsOfLife: number;
  /** Whether a request was sent after the last frame was received. */
  readonly awaitsReply: boolean;
  post(command: typeof ExtensionCommand.KEEP_ALIVE, body: KeepAlive): unknown;
  abort(reason: Error): void;
}

/** Time limits of a peer that owes a reply, ms; 0: none. */
export interface ReplyTimes {
  /** Time within which a dead peer is detected. */
  readonly replyMs: number;
  /** Silence after which it counts as dead. */
  readonly silenceMs: number;
}

/**
 * Detects a peer that is gone without closing the connection, and lets it detect us. Any received
 * bytes are a sign of life; KEEP_ALIVE asks for one where both sides support it. Without it, a peer
 * that owes no reply may be silent for ever.
 */
export class KeepAliveMonitor {
  readonly #peer: KeptPeer;
  /** Allowed silence, ms, in general and while the peer owes a reply; 0: for ever. */
  readonly #silenceMs: number;
  readonly #replySilenceMs: number;
  readonly #asks: boolean;
  readonly #periodMs: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #signsSeen = 0;
  /**
   * Silence is counted in timer periods, not read off a clock: a process that was stopped received
   * nothing.
   */
  #silentPeriods = 0;
  /** The last of those periods, during which the peer owed a reply. */
  #owingPeriods = 0;
  #owes = false;
  #nonce = 0;

  constructor(
    peer: KeptPeer,
    { ownSilenceMs, peerSilenceMs }: Pick<SessionExtensions, 'ownSilenceMs' | 'peerSilenceMs'>,
    { replyMs, silenceMs }: ReplyTimes,
  ) {
    this.#peer = peer;
    this.#silenceMs = ownSilenceMs;
    this.#replySilenceMs = silenceMs;
    this.#asks = ownSilenceMs > 0 || peerSilenceMs > 0;
    const times = [ownSilenceMs, peerSilenceMs, silenceMs, replyMs].filter((ms) => ms > 0);
    this.#periodMs = Math.max(1, Math.floor(Math.min(...times) / SIGNS_PER_SILENCE));
    if (times.length === 0) return;
    this.#timer = setInterval(() => this.#tick(), this.#periodMs).unref();
  }

  /** Handle KEEP_ALIVE. */
  onMessage({ nonce, reply }: KeepAlive): void {
    if (!reply) this.#peer.post(ExtensionCommand.KEEP_ALIVE, { nonce, reply: true });
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { signsOfLife, awaitsReply } = this.#peer;
    const silent = signsOfLife === this.#signsSeen;
    this.#signsSeen = signsOfLife;
    this.#silentPeriods = silent ? this.#silentPeriods + 1 : 0;
    this.#owingPeriods = silent && this.#owes ? this.#owingPeriods + 1 : 0;
    this.#owes = awaitsReply;
    if (this.#isOver(this.#silentPeriods, this.#silenceMs)) return;
    if (this.#isOver(this.#owingPeriods, this.#replySilenceMs)) return;
    if (!this.#asks) return;
    this.#nonce = (this.#nonce + 1) >>> 0;
    this.#peer.post(ExtensionCommand.KEEP_ALIVE, { nonce: this.#nonce, reply: false });
  }

  #isOver(periods: number, limitMs: number): boolean {
    if (limitMs === 0 || periods * this.#periodMs < limitMs) return false;
    const text = `the peer has been silent for ${limitMs / 1000} s`;
    this.#peer.abort(new VfioUserError('VFU_TIMEOUT', text));
    return true;
  }
}
