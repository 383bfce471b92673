import { VfioUserError } from '../errors.js';
import { LinkFrameKind } from '../protocol/portable/link-frames.js';
import { connectionDefaults } from '../transport/connection-options.js';
import type { OneSidedMemory } from '../transport/one-sided.js';
import { KeptFrames } from './kept-frames.js';
import type { PresentLink } from './present-link.js';
import { SessionMemory } from './session-memory.js';
import type { MemoryCarrier } from './session-transfers.js';

/**
 * What a session sends, over any number of links: frames, which are kept until the peer has handled
 * them, and transfers from and to its memory, in the order of both.
 */
export class OutgoingFrames implements MemoryCarrier {
  readonly memory: SessionMemory | undefined;
  readonly #present: PresentLink;
  readonly #kept: KeptFrames;
  /** `send` returned `false`, and {@link takeDrain} was not called since. */
  #owesDrain = false;

  /**
   * @param maxKeptBytes most bytes of frames that are kept.
   * @param adapter access to the peer's memory by the first link.
   */
  constructor(present: PresentLink, maxKeptBytes: number, adapter: OneSidedMemory | undefined) {
    this.#present = present;
    this.#kept = new KeptFrames(maxKeptBytes);
    this.memory = adapter && new SessionMemory(this, adapter);
  }

  /** Bytes of the frames that the peer may not have handled. */
  get bytes(): number {
    return this.#kept.bytes;
  }

  /** Number of them. */
  get count(): number {
    return this.#kept.count;
  }

  get issued(): number {
    return this.#kept.issued;
  }

  /**
   * Send a frame.
   * @returns whether there is room for more, see {@link Connection.send}; `undefined` if there was
   * no room for this one.
   */
  send(head: Uint8Array, data: Uint8Array = NO_BYTES): boolean | undefined {
    const link = this.#heldBack ? undefined : this.#present.link;
    if (!this.#kept.add(head, data, link !== undefined)) return undefined;
    const hasRoom =
      link === undefined
        ? this.#kept.bytes <= connectionDefaults.highWaterBytes
        : link.connection.send(head, data);
    if (!hasRoom) this.#owesDrain = true;
    return hasRoom;
  }

  /** Whether the peer can have handled so many frames. */
  covers(handled: number): boolean {
    return this.#kept.covers(handled);
  }

  /**
   * The peer has handled so many frames.
   * @returns `false` if that cannot be.
   */
  drop(handled: number): boolean {
    if (!this.#kept.covers(handled)) return false;
    this.#kept.drop(handled);
    return true;
  }

  /**
   * There may be room again.
   * @returns whether somebody waits for it.
   */
  takeDrain(): boolean {
    if (!this.#owesDrain || this.#heldBack) return false;
    this.#owesDrain = false;
    return true;
  }

  /** The link is lost. */
  lost(): void {
    this.memory?.lost();
  }

  /**
   * Go on over another link: what the peer has not handled leaves.
   * @returns the number of frames that leave again.
   */
  goOn(peerHandled: number): number {
    const { link, connection } = this.#present;
    const resentFrames = this.#kept.count - this.#kept.unsent;
    this.#kept.rewind();
    this.memory?.attach(connection.oneSided, peerHandled);
    // A server may take another link for the one in use until something comes over it.
    if (this.#kept.count === 0) link?.tell(LinkFrameKind.HANDLED);
    this.proceed();
    return resentFrames;
  }

  release(upTo: number): boolean {
    let hasRoom = true;
    this.#kept.send(upTo, (first, second) => {
      hasRoom = this.#present.connection.send(first, second);
    });
    return hasRoom;
  }

  sendLinkFrame(kind: LinkFrameKind, value: number, payload?: Uint8Array, data?: Uint8Array): void {
    this.#present.link?.tell(kind, value, payload, data);
  }

  proceed(): void {
    const { link } = this.#present;
    if (link === undefined) return;
    this.memory?.pump();
    if (this.memory?.waits) return;
    if (this.release(this.issued) && this.#owesDrain) queueMicrotask(() => link.onDrain());
  }

  /** The session is being closed: no transfer begins any more. */
  close(): void {
    this.memory?.close(new VfioUserError('VFU_PEER_CLOSED', 'the session was closed'));
    this.proceed();
  }

  /** The session has ended: drop everything, the memory included. */
  end(error: Error | undefined): void {
    this.memory?.end(error ?? new VfioUserError('VFU_PEER_CLOSED', 'the session has ended'));
    this.#kept.clear();
  }

  /** Frames have to stay behind transfers that wait. */
  get #heldBack(): boolean {
    return this.memory?.waits === true || this.#kept.unsent > 0;
  }
}

const NO_BYTES = new Uint8Array(0);
