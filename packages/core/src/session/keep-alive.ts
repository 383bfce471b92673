import { VfioUserError } from '../errors.js';
import { ExtensionCommand } from '../protocol/constants.js';
import type { KeepAlive as KeepAliveBody } from '../protocol/messages.js';
import type { SessionExtensions } from './extensions.js';

/** Signs of life are sent this often within the time after which the peer would give us up. */
const SIGNS_PER_SILENCE = 3;

/** What is kept alive, as a {@link KeepAlive} needs it. */
export interface KeptPeer {
  readonly framesReceived: number;
  post(command: typeof ExtensionCommand.KEEP_ALIVE, body: KeepAliveBody): unknown;
  abort(reason: Error): void;
}

/**
 * Notices a peer that is gone without a word, and lets it notice us. Any frame is a sign of life;
 * KEEP_ALIVE is sent when nothing else was.
 */
export class KeepAlive {
  readonly #peer: KeptPeer;
  readonly #ownSilenceMs: number;
  readonly #periodMs: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #framesSeen = 0;
  /** Silence is counted in periods, not read off a clock: a process that was stopped heard nothing. */
  #silentPeriods = 0;
  #nonce = 0;

  constructor(peer: KeptPeer, { ownSilenceMs, peerSilenceMs }: SessionExtensions) {
    this.#peer = peer;
    this.#ownSilenceMs = ownSilenceMs;
    const intervals = [ownSilenceMs, peerSilenceMs].filter((ms) => ms > 0);
    this.#periodMs = Math.max(1, Math.floor(Math.min(...intervals) / SIGNS_PER_SILENCE));
    if (intervals.length === 0) return;
    this.#timer = setInterval(() => this.#tick(), this.#periodMs).unref();
  }

  /** KEEP_ALIVE came. */
  onMessage({ nonce, reply }: KeepAliveBody): void {
    if (!reply) this.#peer.post(ExtensionCommand.KEEP_ALIVE, { nonce, reply: true });
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { framesReceived } = this.#peer;
    this.#silentPeriods = framesReceived === this.#framesSeen ? this.#silentPeriods + 1 : 0;
    this.#framesSeen = framesReceived;
    if (this.#ownSilenceMs > 0 && this.#silentPeriods * this.#periodMs >= this.#ownSilenceMs) {
      const seconds = this.#ownSilenceMs / 1000;
      const text = `the peer has been silent for ${seconds} s: it counts as gone`;
      this.#peer.abort(new VfioUserError('VFU_TIMEOUT', text));
      return;
    }
    this.#nonce = (this.#nonce + 1) >>> 0;
    this.#peer.post(ExtensionCommand.KEEP_ALIVE, { nonce: this.#nonce, reply: false });
  }
}
