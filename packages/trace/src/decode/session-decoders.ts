import type { RegisterMap } from '@vfio-user/devices';
import type { Packet } from '../packet.js';
import { SessionDecoder } from './session-decoder.js';
import type { TracedMessage } from './traced-message.js';

/** Sessions that are followed at once. A server serves one client at a time; a file may claim any. */
const MAX_SESSIONS = 64;

/** Decodes packets of several sessions. */
export class SessionDecoders {
  readonly #device: RegisterMap | undefined;
  readonly #sessions = new Map<number, SessionDecoder>();

  /** @param device what the sessions are about, where it was told. */
  constructor(device?: RegisterMap) {
    this.#device = device;
  }

  follows(session: number): boolean {
    return this.#sessions.has(session);
  }

  decode(packet: Packet): TracedMessage {
    const { session, encoding } = packet;
    let decoder = this.#sessions.get(session);
    if (decoder === undefined) {
      this.#makeRoom();
      decoder = new SessionDecoder(encoding, this.#device);
      this.#sessions.set(session, decoder);
    }
    return decoder.decode(packet);
  }

  ended(session: number): void {
    this.#sessions.delete(session);
  }

  /** The session that began first is given up. */
  #makeRoom(): void {
    const [first] = this.#sessions.keys();
    if (first !== undefined && this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(first);
  }
}
