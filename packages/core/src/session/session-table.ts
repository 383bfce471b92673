import { type Preface, PrefaceCapability } from '../protocol/portable/preface.js';
import type { PeerIdentity } from '../transport/transport.js';
import type { ResumableConnection } from './resumable-connection.js';

/** A session that a client takes up again. */
export interface ResumeOffer {
  readonly session: ResumableConnection;
  readonly peerHandled: number;
  readonly generation: number;
}

/** The resumable sessions of a listener, until they end. */
export class SessionTable {
  readonly #sessions = new Map<string, ResumableConnection>();

  get size(): number {
    return this.#sessions.size;
  }

  add(session: ResumableConnection): void {
    this.#sessions.set(keyOf(session.id), session);
  }

  delete(session: ResumableConnection): void {
    this.#sessions.delete(keyOf(session.id));
  }

  /**
   * The session that a client's preface names, if it may take it up: it must prove the certificate
   * that the session began with. The session's link is given up for it.
   */
  offer(preface: Preface, identity: PeerIdentity | undefined): ResumeOffer | undefined {
    const { session: id, handled: peerHandled, minor, capabilities } = preface;
    const session = this.#sessions.get(keyOf(id));
    if (session === undefined || peerHandled === undefined) return undefined;
    if (minor < 1 || !capabilities.includes(PrefaceCapability.RESUME)) return undefined;
    if (session.identity?.certificate !== identity?.certificate) return undefined;
    const generation = session.offer(peerHandled);
    return generation === undefined ? undefined : { session, peerHandled, generation };
  }
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id).toString('hex');
}
