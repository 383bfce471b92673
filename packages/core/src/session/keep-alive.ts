import { VfioUserError } from '../errors.js';
import { ExtensionCommand } from '../protocol/constants.js';
import type { KeepAlive } from '../protocol/messages.js';
import type { SessionExtensions } from './extensions.js';

/** Signs of life are sent this often within the time after which the peer would give us up. */
const SIGNS_PER_SILENCE = 3;

/** What is kept alive, as a {@link KeepAliveMonitor} needs it. */
export interface KeptPeer {
  /** Counts up with each sign of life. */
  readonly signsOfLife: number;
  /** A request of ours was sent after the last frame that came. */
  readonly awaitsReply: boolean;
  post(command: typeof ExtensionCommand.KEEP_ALIVE, body: KeepAlive): unknown;
  abort(reason: Error): void;
}

/** What is expected of a peer that owes a reply, ms; 0: nothing. */
export interface ReplyTimes {
  /** Within this time it is known whether the peer lives. */
  readonly replyMs: number;
  /** After so much silence it does not. */
  readonly silenceMs: number;
}

/**
 * Notices a peer that is gone without a word, and lets it notice us. Bytes that move are a sign of
 * life, whatever they are; KEEP_ALIVE asks for one where both sides have it. Without it a peer that
 * was asked nothing may be silent for ever.
 */
export class KeepAliveMonitor {
  readonly #peer: KeptPeer;
  /** How long it may be silent, ms, and how long while it owes a reply; 0: for ever. */
  readonly #silenceMs: number;
  readonly #replySilenceMs: number;
  readonly #asks: boolean;
  readonly #periodMs: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #signsSeen = 0;
  /** Silence is counted in periods, not read off a clock: a process that was stopped heard nothing. */
  #silentPeriods = 0;
  /** Of those, the last ones during which the peer owed a reply. */
  #owingPeriods = 0;
  #owes = false;
  #nonce = 0;

  constructor(
    peer: KeptPeer,
    { ownSilenceMs, peerSilenceMs }: SessionExtensions,
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

  /** KEEP_ALIVE came. */
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
    const text = `the peer has been silent for ${limitMs / 1000} s: it counts as gone`;
    this.#peer.abort(new VfioUserError('VFU_TIMEOUT', text));
    return true;
  }
}
