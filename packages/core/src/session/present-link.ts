import { VfioUserError } from '../errors.js';
import type { Connection } from '../transport/transport.js';
import type { SessionLink } from './session-link.js';

/** The link that a session has at the moment, if any. */
export class PresentLink {
  /** The present or last connection. */
  #connection: Connection;
  #link: SessionLink | undefined;
  /** Bytes moved by earlier links. */
  #movedBefore = 0;
  #paused = false;
  #isGivenUp = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get connection(): Connection {
    return this.#connection;
  }

  get link(): SessionLink | undefined {
    return this.#link;
  }

  /** See {@link Connection.bytesMoved}. */
  get bytesMoved(): number {
    return this.#movedBefore + (this.#link?.bytesMoved ?? 0);
  }

  /** From now on this is the link; it is paused if the one before it was. */
  set(link: SessionLink): void {
    this.#connection = link.connection;
    this.#link = link;
    if (this.#paused) link.connection.pause();
  }

  /** The peer comes back over another link: end this one. */
  giveUp(): void {
    this.#isGivenUp = true;
    const text = 'the peer came back over another link';
    this.#link?.abort(new VfioUserError('VFU_PEER_CLOSED', text));
    this.#isGivenUp = false;
  }

  /** It is being given up for another one. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** It has ended. */
  lost(): void {
    this.#movedBefore = this.bytesMoved;
    this.#link = undefined;
  }

  pause(): void {
    this.#paused = true;
    this.#link?.connection.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#link?.connection.resume();
  }
}
