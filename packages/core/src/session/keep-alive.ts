import { VfioUserError } from '../errors.js';
import { ExtensionCommand } from '../protocol/constants.js';
import type { KeepAlive as KeepAliveBody } from '../protocol/messages.js';
import type { SessionExtensions } from './extensions.js';
import type { Peer } from './peer.js';

/** Signs of life are sent this often within the time after which the peer would give us up. */
const SIGNS_PER_SILENCE = 3;

/**
 * Notices a peer that is gone without a word, and lets it notice us. Any frame is a sign of life;
 * KEEP_ALIVE is sent when nothing else was.
 */
export class KeepAlive {
  readonly #peer: Peer;
  readonly #ownSilenceMs: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #framesSeen = 0;
  #lastFrameAt = performance.now();
  #nonce = 0;

  constructor(peer: Peer, { ownSilenceMs, peerSilenceMs }: SessionExtensions) {
    this.#peer = peer;
    this.#ownSilenceMs = ownSilenceMs;
    const intervals = [ownSilenceMs, peerSilenceMs].filter((ms) => ms > 0);
    if (intervals.length === 0) return;
    const period = Math.max(1, Math.min(...intervals) / SIGNS_PER_SILENCE);
    this.#timer = setInterval(() => this.#tick(), period).unref();
  }

  /** KEEP_ALIVE came. */
  onMessage({ nonce, reply }: KeepAliveBody): void {
    if (!reply) this.#peer.post(ExtensionCommand.KEEP_ALIVE, { nonce, reply: true });
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    const { framesReceived } = this.#peer;
    if (framesReceived !== this.#framesSeen) {
      this.#framesSeen = framesReceived;
      this.#lastFrameAt = now;
    } else if (this.#ownSilenceMs > 0 && now - this.#lastFrameAt >= this.#ownSilenceMs) {
      const seconds = this.#ownSilenceMs / 1000;
      this.#peer.abort(
        new VfioUserError(
          'VFU_TIMEOUT',
          `the peer has been silent for ${seconds} s: it counts as gone`,
        ),
      );
      return;
    }
    this.#nonce = (this.#nonce + 1) >>> 0;
    this.#peer.post(ExtensionCommand.KEEP_ALIVE, { nonce: this.#nonce, reply: false });
  }
}
