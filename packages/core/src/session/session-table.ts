import { type Preface, PrefaceCapability } from '../protocol/portable/preface.js';
import type { PeerIdentity } from '../transport/transport.js';
import type { ResumableConnection } from './resumable-connection.js';

/** A session that a client takes up again. */
export interface ResumeOffer {
  readonly session: ResumableConnection;
  readonly peerHandled: number;
  readonly generation: number;
}

/** Most attempts to take a session up that are remembered. */
const MAX_ATTEMPTS = 1024;

/** A session, and the attempts by which it was taken up, oldest first. */
interface Entry {
  readonly session: ResumableConnection;
  readonly attempts: Set<string>;
}

/** The resumable sessions of a listener, until they end. */
export class SessionTable {
  readonly #sessions = new Map<string, Entry>();

  get size(): number {
    return this.#sessions.size;
  }

  add(session: ResumableConnection): void {
    this.#sessions.set(keyOf(session.id), { session, attempts: new Set() });
  }

  delete(session: ResumableConnection): void {
    this.#sessions.delete(keyOf(session.id));
  }

  /**
   * The session that a client's preface names, if it may take it up: it must prove the certificate
   * that the session began with, and a preface that is replayed does not count. The session's link
   * is given up for it.
   */
  offer(preface: Preface, identity: PeerIdentity | undefined): ResumeOffer | undefined {
    const { session: id, handled: peerHandled, minor, capabilities } = preface;
    const entry = this.#sessions.get(keyOf(id));
    if (entry === undefined || peerHandled === undefined) return undefined;
    const { session, attempts } = entry;
    if (minor < 1 || !capabilities.includes(PrefaceCapability.RESUME)) return undefined;
    if (session.identity?.certificate !== identity?.certificate) return undefined;
    const attempt = preface.attempt && keyOf(preface.attempt);
    if (attempt !== undefined && attempts.has(attempt)) return undefined;
    const generation = session.offer(peerHandled);
    if (generation !== undefined && attempt !== undefined) remember(attempts, attempt);
    return generation === undefined ? undefined : { session, peerHandled, generation };
  }
}

function remember(attempts: Set<string>, attempt: string): void {
  attempts.add(attempt);
  for (const oldest of attempts) {
    if (attempts.size <= MAX_ATTEMPTS) return;
    attempts.delete(oldest);
  }
}

function keyOf(id: Uint8Array): string {
  return Buffer.from(id).toString('hex');
}
